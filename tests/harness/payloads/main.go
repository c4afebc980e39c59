// Reads events as PagerDuty's own Go client defines them, field by field: nothing unknown, nothing of another type, nothing
// lost on the way back. Called by `make payloads` with the file of the events.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	"github.com/PagerDuty/go-pagerduty"
)

func check(line []byte) error {
	var event pagerduty.V2Event
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&event); err != nil {
		return err
	}
	back, err := json.Marshal(event)
	if err != nil {
		return err
	}
	var before, after any
	if err := json.Unmarshal(line, &before); err != nil {
		return err
	}
	if err := json.Unmarshal(back, &after); err != nil {
		return err
	}
	if !reflect.DeepEqual(before, after) {
		return fmt.Errorf("it came back as %s", back)
	}
	return nil
}

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lines, events := bufio.NewScanner(file), 0
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := check(lines.Bytes()); err != nil {
			fmt.Fprintf(os.Stderr, "event %d: %v: %s\n", events, err, lines.Bytes())
			os.Exit(1)
		}
		events++
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("go-pagerduty V2Event: %d events are valid\n", events)
}

#!/usr/bin/env python3
"""How long a start takes after kill -9: the time until intake takes events again, by the size of the ledger.

    python3 examples/start.py target/release/tachograph bench-start 100000 1000000 10000000

For each size a new ledger is filled over HTTP, the server is killed, and started again. What was sent last is then sent
once more: it has to be known. Standard library only.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

BATCH = 2_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(binary, place, port):
    log = open(os.path.join(place, "serve.log"), "ab")
    process = subprocess.Popen([binary, "--log-format", "json", "serve", "--config", os.path.join(place, "c.toml")],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
    return process


def records(first, count):
    path = "/v1/" + "segment/" * 20
    return "".join(
        f'{{"kind":"egress.http","source":"acme.proxy","source_id":"req-{number}","user":"user-{number % 400}",'
        f'"workspace":"w-{number % 900}","session":"s-{number % 5000}","method":"GET",'
        f'"url":"https://host-{number % 3000}.example{path}{number}","outcome":"allow","rule":"default","status":200,'
        f'"bytes_out":{number % 9000}}}\n'
        for number in range(first, first + count)
    ).encode()


def push(port, token, body, patience):
    """The answer to one request, sent again until it is taken."""
    end = time.monotonic() + patience
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience)
            connection.request("POST", "/v1/events/proxy", body, {
                "Authorization": "Bearer " + token, "Content-Type": "application/x-ndjson"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == 200:
                return json.loads(text)
        except OSError:
            pass
        if time.monotonic() > end:
            sys.exit("intake takes nothing")
        time.sleep(0.01)


def cpu_seconds(process):
    """User and kernel time of a process so far: the figure to compare where other work shares the machine."""
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(binary, place, events):
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    data, port = os.path.join(place, "data"), free_port()
    subprocess.run([binary, "init", data, "--log-name", "bench.example/start"], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(place, "c.toml"), "w") as config:
        config.write(f'[store]\ndata = "{data}"\n[listen]\nconsole = "127.0.0.1:{free_port()}"\ningest = "127.0.0.1:{port}"\n'
                     '[[collector]]\nname = "proxy"\ntransport = "http"\ndialect = "native"\n')
    made = subprocess.run([binary, "token", "create", "--data", data, "--name", "bench", "--role", "ingest"],
                          check=True, capture_output=True, text=True)
    token = made.stdout.split()[-1]
    server = serve(binary, place, port)
    begun = time.monotonic()
    for first in range(0, events, BATCH):
        push(port, token, records(first, min(BATCH, events - first)), 120)
    filled = time.monotonic() - begun
    server.send_signal(signal.SIGKILL)
    server.wait()
    begun = time.monotonic()
    server = serve(binary, place, port)
    answer = push(port, token, records(max(0, events - BATCH), min(BATCH, events)), 600)
    taken, cpu = time.monotonic() - begun, cpu_seconds(server)
    known = answer.get("duplicates")
    first = push(port, token, records(max(0, events - 4_000_000), min(BATCH, events)), 60).get("duplicates")
    server.terminate()
    server.wait()
    print(f"{events:>10} events  filled in {filled:7.1f} s  intake after {taken:6.2f} s ({cpu:.2f} s of CPU)  "
          f"known again: {known} of the last, {first} of the oldest {min(BATCH, events)}", flush=True)
    shutil.rmtree(place)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    for size in sys.argv[3:]:
        measure(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), int(size))

"""A strict reader of LEEF 2.0 after IBM's text ("LEEF event components", "LEEF attributes"), since no other could be had but
Tenzir's. Prints what it read as a JSON object per line, and ends with an error at the first line that the text forbids."""

import json
import re
import sys
from datetime import datetime

# Attributes of the list whose values are numbers.
NUMBERS = {"dstPort", "srcPort", "srcBytes", "dstBytes", "totalBytes", "sev"}


def check(is_so, what, line):
    if not is_so:
        sys.exit(f"{what}: {line}")


def read(line):
    check(line.startswith("LEEF:2.0|"), "the header begins with LEEF:2.0", line)
    parts = line.split("|", 6)
    check(len(parts) == 7, "the header has five fields and a delimiter", line)
    _, vendor, product, version, event, delimiter, rest = parts
    check(all([vendor, product, version, event]), "no field of the header is empty", line)
    match = re.fullmatch(r"0?x([0-9A-Fa-f]{1,4})", delimiter)
    check(match or len(delimiter) == 1, "the delimiter is one character or its number", line)
    between = chr(int(match.group(1), 16)) if match else delimiter
    check(not re.search(r"[\r\n\0]", line), "an event is one line", line)
    attributes = {}
    for pair in rest.split(between):
        key, sign, value = pair.partition("=")
        check(sign and re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", key), "a pair has a key of letters and digits", line)
        check(key not in attributes, "a key stands once", line)
        check(key not in NUMBERS or re.fullmatch(r"-?\d+", value), "a number is a number", line)
        attributes[key] = value
    check(1 <= int(attributes.get("sev", 1)) <= 10, "sev is 1 to 10", line)
    if attributes.get("devTimeFormat") == "yyyy-MM-dd'T'HH:mm:ss.SSSX":
        datetime.strptime(attributes["devTime"], "%Y-%m-%dT%H:%M:%S.%fZ")
    return {"event_class_id": event, "attributes": attributes}


with open(sys.argv[1], encoding="utf-8", newline="\n") as lines:
    for line in lines:
        print(json.dumps(read(line.rstrip("\n"))))

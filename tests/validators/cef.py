"""Reads lines of CEF with pycef (MIT), and prints what it read as a JSON object per line."""

import json
import sys

import pycef

with open(sys.argv[1], encoding="utf-8", newline="\n") as lines:
    for line in lines:
        print(json.dumps(pycef.parse(line.rstrip("\n"))))

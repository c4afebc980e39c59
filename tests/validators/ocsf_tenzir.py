#!/usr/bin/env python3
"""Checks OCSF events, one JSON object a line, against the schema of their version that Tenzir brings: its engine finds attributes that are
unknown or of a profile that is not named, wrong types, numbers that are in no list and captions of another number; what its schema calls
required, and of what one must be there, is read from the schema here. Says the faults, and ends with 1 if there is any."""

import datetime
import ipaddress
import json
import os
import re
import subprocess
import sys
import tempfile

TYPE = re.compile(r"^type _ocsf\.\w+?\.(?P<name>[\w.]+) = record\{\n(?P<body>.*?)^\}(?P<notes>[^\n]*)", re.S | re.M)
ATTRIBUTE = re.compile(r"^  (\w+): (list<)?(?:_ocsf\.v\d+_\d+_\d+\.(object\.\w+)|[\w.]+)>?([^\n]*)", re.M)
TIMES = {"time", "logged_time", "created_time", "modified_time", "first_seen_time", "last_seen_time", "start_time", "end_time"}


def schema_of(version):
    """The types by name: attributes as (object, notes), and groups of which one must be there."""
    import tenzir

    root = os.path.dirname(tenzir.__file__) if tenzir.__file__ else list(tenzir.__path__)[0]
    path = f"{root}/bundled/share/tenzir/schema/types/ocsf/v{version.replace('.', '_')}.schema"
    types = {}
    with open(path, encoding="utf-8") as file:
        for match in TYPE.finditer(file.read()):
            attributes = {a[1]: (a[3], a[4]) for a in ATTRIBUTE.finditer(match["body"])}
            groups = re.findall(r"#(at_least_one|just_one)=([\w|]+)", match["notes"])
            types[match["name"]] = (attributes, [(word, names.split("|")) for word, names in groups])
    return types


def incomplete(value, name, types, profiles, where):
    """What is required and missing, at any depth."""
    attributes, groups = types[name]
    for attribute, (inner, notes) in attributes.items():
        profile = re.search(r"#profiles?=([\w/|]+)", notes)
        applies = not profile or any(p in profiles for p in profile[1].split("|"))
        if "#required" in notes and applies and attribute not in value:
            yield f"{where}: {attribute} is required"
        if inner and attribute in value:
            items = value[attribute] if isinstance(value[attribute], list) else [value[attribute]]
            for item in items:
                yield from incomplete(item, inner, types, profiles, f"{where}.{attribute}")
    for word, names in groups:
        count = sum(n in value for n in names)
        if count == 0 or (word == "just_one" and count > 1):
            yield f"{where}: {word} of {', '.join(names)} must be there, not {count}"


def guessed(text):
    """Whether Tenzir's reader of JSON would take the text for a time, an address or a number."""
    try:
        ipaddress.ip_network(text, strict=False)
        return True
    except ValueError:
        return bool(re.match(r"\s*[-+:.\d]", text))


def moment(value):
    try:
        time = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=value)
        time = time if 1700 < time.year < 2200 else datetime.datetime(1970, 1, 1)
    except OverflowError:
        # Its times end where nanoseconds no longer fit into 64 bits.
        time = datetime.datetime(1970, 1, 1)
    return time.isoformat(timespec="milliseconds") + "Z"


def readable(value, name=None):
    """The event as Tenzir's reader types it rightly: times as RFC 3339, and no text that looks like something else."""
    if isinstance(value, dict):
        return {key: item if key == "unmapped" else readable(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [readable(item, name) for item in value]
    if name in TIMES and isinstance(value, int):
        return moment(value)
    if isinstance(value, str) and name not in ("ip", "version") and guessed(value):
        return f"text {value}"
    return value


def main(paths):
    faults, types, count = [], {}, 0
    classes = {}
    with tempfile.TemporaryDirectory() as folder:
        together = os.path.join(folder, "events.ndjson")
        with open(together, "w", encoding="utf-8", newline="\n") as out:
            for path in paths:
                with open(path, encoding="utf-8", newline="\n") as lines:
                    for number, line in enumerate(lines, 1):
                        event = json.loads(line)
                        count += 1
                        metadata = event["metadata"]
                        version = metadata["version"]
                        if version not in types:
                            types[version] = schema_of(version)
                        name = event["class_name"].lower().replace(" ", "_")
                        classes[name] = classes.get(name, 0) + 1
                        found = incomplete(event, name, types[version], metadata.get("profiles", []), metadata.get("event_code"))
                        faults.extend(f"{path}:{number}: {fault}" for fault in found)
                        out.write(json.dumps(readable(event), ensure_ascii=False) + "\n")
        engine = os.path.join(os.path.dirname(sys.executable), "tenzir")
        pipeline = f'strict {{ from_file "{together}" {{ read_ndjson }} | ocsf_cast | ocsf_derive }} | summarize events=count() | write_ndjson'
        run = subprocess.run([engine, pipeline], capture_output=True, text=True, env={**os.environ, "HOME": folder})
    told = (run.stdout + run.stderr).strip()
    if run.returncode != 0:
        faults.append(f"tenzir: {told[:4000]}")
    elif json.loads(run.stdout or "{}").get("events") != count:
        faults.append(f"tenzir read other than {count} events: {told[:1000]}")
    print("\n".join(faults[:40]))
    print(f"{count} events, {len(classes)} classes, {len(faults)} faults")
    return 1 if faults or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

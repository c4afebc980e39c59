#!/usr/bin/env python3
"""Checks OCSF events, one JSON object a line, against the JSON Schema of their class and profiles, as the package `ocsf-json-schema` makes it
from the published schema of their version. Says each fault once with the line where it was found first; ends with 1 if there is any."""

import json
import re
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

SCHEMAS = {}
VALIDATORS = {}


def validator(event):
    version = event["metadata"]["version"]
    profiles = tuple(event["metadata"].get("profiles", []))
    key = (version, event["class_uid"], profiles)
    if key not in VALIDATORS:
        if version not in SCHEMAS:
            SCHEMAS[version] = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
        schema = SCHEMAS[version]
        name = schema.lookup_class_name_from_uid(event["class_uid"]) if event["class_uid"] else "base_event"
        VALIDATORS[key] = Draft202012Validator(schema.get_class_schema(name, list(profiles)))
    return VALIDATORS[key]


def numbers(value, attributes, objects, where):
    """What JSON Schema cannot say: the caption beside a number is that of the number."""
    for name, attribute in attributes.items():
        item = value.get(name)
        caption = attribute.get("enum", {}).get(str(item), {}).get("caption") if isinstance(item, int) else None
        said = value.get(attribute.get("sibling") or re.sub("_id$|_uid$", "", name))
        if caption and item != 99 and isinstance(said, str) and said != caption:
            yield f"{where}: {name} {item} is {caption}, not {said}"
        if attribute.get("object_type") in objects:
            inner = objects[attribute["object_type"]]["attributes"]
            for one in item if isinstance(item, list) else [item] if isinstance(item, dict) else []:
                yield from numbers(one, inner, objects, f"{where}.{name}")


def siblings(event, where):
    """The type is the class with its activity, the category is that of the class, and captions are those of their numbers."""
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        yield f"{where}: type_uid {event['type_uid']} is not class and activity"
    if event["category_uid"] != event["class_uid"] // 1000:
        yield f"{where}: category_uid {event['category_uid']} is not that of the class"
    whole = SCHEMAS[event["metadata"]["version"]].schema.schema
    found = [one for one in whole["classes"].values() if one["uid"] == event["class_uid"]]
    for one in found:
        yield from numbers(event, one["attributes"], whole["objects"], where)


def main(paths):
    count, faults = 0, {}
    for path in paths:
        with open(path, encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                event = json.loads(line)
                count += 1
                kind = event["metadata"].get("event_code")
                for error in validator(event).iter_errors(event):
                    where = "/".join(str(part) for part in error.absolute_path if not isinstance(part, int))
                    faults.setdefault(f"{kind}: {where}: {error.validator}: {error.message[-300:]}", f"{path}:{number}")
                for fault in siblings(event, kind):
                    faults.setdefault(fault, f"{path}:{number}")
    for fault, where in faults.items():
        print(f"{where}: {fault}")
    print(f"{count} events, {len(VALIDATORS)} schemas, {len(faults)} faults")
    return 1 if faults or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Holds events of UDM, a JSON object per line, against Google's list of fields and enumerations as pySigma's backend for SecOps brings it
(package pysigma-backend-secops, LGPL-3.0, which stays outside of Tachograph), and against what the UDM usage guide (June 2026) asks for
of each type of event. Prints `LINE: what is wrong`, from line 0."""

import json
import sys
from importlib import resources

from sigma.pipelines.secops.validators import is_valid_udm_field, is_valid_udm_field_value

SCHEMA = json.loads(resources.files("sigma.pipelines.secops").joinpath("udm_field_schema.json").read_text())
MACHINE = ["principal.hostname", "principal.asset_id", "principal.ip", "principal.mac"]
TARGET = ["target.hostname", "target.asset_id", "target.ip", "target.mac"]
LOGIN = [["target.user"], MACHINE + TARGET + ["target.application"], ["extensions.auth.type"]]
FILE = [MACHINE, ["target.file.full_path"]]
RESOURCE = [["principal.user"], ["target.resource"]]
# Of each list, one field at least.
REQUIRED = {
    "NETWORK_HTTP": [TARGET, ["target.url"], ["network.ip_protocol"], ["network.application_protocol"]],
    "NETWORK_CONNECTION": [MACHINE, TARGET, ["network"]],
    "NETWORK_DNS": [MACHINE, ["network.dns.questions"]],
    "PROCESS_LAUNCH": [MACHINE, ["target.process"]],
    "PROCESS_TERMINATION": [MACHINE, ["target.process"]],
    "FILE_READ": FILE,
    "FILE_MODIFICATION": FILE,
    "FILE_DELETION": FILE,
    "USER_LOGIN": LOGIN,
    "USER_LOGOUT": LOGIN,
    "USER_RESOURCE_ACCESS": RESOURCE,
    "USER_RESOURCE_CREATION": RESOURCE,
    "USER_RESOURCE_UPDATE_CONTENT": RESOURCE,
    "USER_RESOURCE_DELETION": RESOURCE,
    "STATUS_STARTUP": [MACHINE],
    "STATUS_SHUTDOWN": [MACHINE],
    "STATUS_UPDATE": [MACHINE],
    "GENERIC_EVENT": [],
}


def leaves(name, value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(f"{name}.{key}" if name else key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(name, inner)
    else:
        yield name, value


def has(event, field):
    for part in field.split("."):
        event = event.get(part) if isinstance(event, dict) else None
    return event not in (None, "", [], {})


def faults(event):
    # The protocol buffer of `additional` takes any text.
    for name, value in leaves("additional", event.pop("additional", {})):
        if not isinstance(value, str):
            yield f"{name} is no text"
    for name, value in leaves("", event):
        if not is_valid_udm_field(name, SCHEMA):
            yield f"{name} is no field"
        elif not is_valid_udm_field_value(name, value, SCHEMA):
            yield f"{name} does not take {value!r}"
    kind = event["metadata"]["event_type"]
    for group in REQUIRED.get(kind, []):
        if not any(has(event, field) for field in group):
            yield f"{kind} lacks one of {group}"


with open(sys.argv[1], encoding="utf-8", newline="\n") as lines:
    for number, line in enumerate(lines):
        for fault in faults(json.loads(line)):
            print(f"{number}: {fault}".encode("unicode_escape").decode())

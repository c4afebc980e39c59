"""Checks the payloads of Jira and Opsgenie: each document against Atlassian's own JSON Schema of its document format, each alert with
Opsgenie's SDK. A document and an alert that are wrong must be refused, or the check checks nothing.

Nothing goes to the network. Called by `make payloads` with the folder of the payloads and the path of the schema.
"""

import copy
import importlib.metadata
import json
import pathlib
import sys

import jsonschema
import opsgenie_sdk


def lines(folder, name):
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").split("\n") if line]


def documents(bodies):
    for body in bodies:
        if "fields" in body:
            yield body["fields"]["description"]
        elif "body" in body:
            yield body["body"]


def jira(bodies, schema):
    validator = jsonschema.validators.validator_for(schema)(schema)
    found = list(documents(bodies))
    for document in found:
        validator.validate(document)
    wrong = copy.deepcopy(found[0])
    wrong["content"][0]["content"][0]["text"] = ""
    if validator.is_valid(wrong):
        raise SystemExit("the schema of documents takes an empty text, so it is not the one that is meant")
    return len(found)


def opsgenie(bodies):
    """The SDK knows names and priorities, and writes what it knows; lengths are checked by the test that wrote the payloads."""
    client = opsgenie_sdk.ApiClient()
    for body in bodies:
        if "message" in body:
            sent = client.sanitize_for_serialization(opsgenie_sdk.CreateAlertPayload(**body))
            if sent != body:
                raise SystemExit(f"Opsgenie's SDK sends another alert: {sent} and not {body}")
        else:
            # Acknowledging and closing take the same.
            for payload in (opsgenie_sdk.AcknowledgeAlertPayload, opsgenie_sdk.CloseAlertPayload):
                sent = client.sanitize_for_serialization(payload(**body))
                if sent != body:
                    raise SystemExit(f"Opsgenie's SDK sends another step: {sent} and not {body}")
    try:
        opsgenie_sdk.CreateAlertPayload(message="x", priority="P0")
    except ValueError:
        return len(bodies)
    raise SystemExit("Opsgenie's SDK takes a priority that there is not")


folder, schema = pathlib.Path(sys.argv[1]), json.loads(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"))
print(f"Atlassian document format: {jira(lines(folder, 'jira'), schema)} documents are valid")
version = importlib.metadata.version("opsgenie-sdk")
print(f"opsgenie-sdk {version}: {opsgenie(lines(folder, 'opsgenie'))} requests are sent as they are")

"""Checks payloads with the vendors' own SDKs: slack_sdk reads every block, and PagerDuty's client sends every event.

Nothing goes to the network: the client's transport is replaced by one that keeps the request. Stops at the first payload
that an SDK refuses. Called by `make payloads` with the folder of the payloads.
"""

import json
import pathlib
import sys

import httpx2
import pagerduty
import slack_sdk
from pagerduty import EventsApiV2Client
from slack_sdk.models.blocks import Block


def lines(folder, name):
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").split("\n") if line]


def slack(messages):
    blocks = 0
    for message in messages:
        for block in message.get("blocks", []):
            parsed = Block.parse(block)
            if parsed is None:
                raise SystemExit(f"slack_sdk does not know this block: {block}")
            parsed.validate_json()
            blocks += 1
    return blocks


def pagerduty_events(events):
    for event in events:
        kept = []

        def answer(request):
            kept.append(json.loads(request.content))
            return httpx2.Response(202, json={"status": "success", "dedup_key": event["dedup_key"]})

        client = EventsApiV2Client(event["routing_key"])
        client._transport, client._mounts = httpx2.MockTransport(answer), {}
        rest = {name: event[name] for name in event if name not in ("event_action", "dedup_key", "routing_key")}
        key = client.send_event(event["event_action"], dedup_key=event["dedup_key"], **rest)
        if key != event["dedup_key"] or kept != [event]:
            raise SystemExit(f"PagerDuty's client sends another event: {kept} and not {event}")
    return len(events)


folder = pathlib.Path(sys.argv[1])
messages, events = lines(folder, "slack"), lines(folder, "pagerduty")
print(f"slack_sdk {slack_sdk.version.__version__}: {slack(messages)} blocks of {len(messages)} messages are valid")
print(f"pagerduty {pagerduty.__version__}: {pagerduty_events(events)} events are sent as they are")

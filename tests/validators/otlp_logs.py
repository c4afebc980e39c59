"""Reads requests of OTLP for logs as OpenTelemetry's own package does: each a length in four bytes and so many bytes. Writes a line of JSON for each log record."""

import json
import struct
import sys

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest


def value(any_value):
    return getattr(any_value, any_value.WhichOneof("value"))


while head := sys.stdin.buffer.read(4):
    request = ExportLogsServiceRequest()
    request.ParseFromString(sys.stdin.buffer.read(struct.unpack(">I", head)[0]))
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            for log in scope.log_records:
                line = {
                    "body": value(log.body),
                    "severity": log.severity_number,
                    "event_name": log.event_name,
                    "attributes": {attribute.key: value(attribute.value) for attribute in log.attributes},
                }
                print(json.dumps(line))

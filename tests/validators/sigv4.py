"""Stands for a domain of Amazon OpenSearch Service: takes bulk requests whose Signature Version 4 botocore finds right, and answers others with 403 as
Amazon does. Prints the address, and a line of JSON with the positions of each batch that was taken.

Arguments: the region, the service, the id of the key, the key, the token of the session."""

import hashlib
import hmac
import http.server
import json
import re
import sys
import urllib.parse
import zlib
from datetime import datetime, timedelta, timezone

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION, SERVICE, KEY_ID, KEY, TOKEN = sys.argv[1:]
PROOF = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})")


def refusal(handler, body):
    """What is wrong with the proof of a request."""
    found = PROOF.fullmatch(handler.headers.get("authorization", ""))
    if not found:
        return "no signature"
    key_id, day, region, service, names, signature = found.groups()
    if (key_id, region, service) != (KEY_ID, REGION, SERVICE):
        return "the scope is another one"
    moment = handler.headers.get("x-amz-date", "")
    signed_at = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    if abs(datetime.now(timezone.utc) - signed_at) > timedelta(minutes=5) or not moment.startswith(day):
        return "the signature expired"
    names = names.split(";")
    wanted = {"host", "x-amz-date", "x-amz-security-token", "content-type"}
    if names != sorted(names) or not wanted.issubset(names):
        return f"{wanted} must be signed"
    if handler.headers["x-amz-security-token"] != TOKEN:
        return "the session is another one"
    if handler.headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
        return "the hash is not that of the body"
    parts = urllib.parse.urlsplit(handler.path)
    request = AWSRequest(
        method=handler.command,
        url=f"http://{handler.headers['host']}{parts.path}",
        params=dict(urllib.parse.parse_qsl(parts.query)),
        headers={name: handler.headers[name] for name in names},
        data=body,
    )
    request.context["timestamp"] = moment
    signer = SigV4Auth(Credentials(KEY_ID, KEY, TOKEN), SERVICE, REGION)
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return None if hmac.compare_digest(expected, signature) else "the signature does not match"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        problem = refusal(self, body)
        if problem:
            return self.answer(403, {"message": problem})
        if self.headers.get("content-encoding") == "gzip":
            body = zlib.decompress(body, wbits=31)
        lines = [json.loads(line) for line in body.split(b"\n") if line]
        print(json.dumps([document["position"] for document in lines[1::2]]), flush=True)
        self.answer(200, {"errors": False, "items": [{"create": {"status": 201}} for _ in lines[::2]]})

    def answer(self, status, said):
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()

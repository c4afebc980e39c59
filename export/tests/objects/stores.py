"""Makes the buckets of a test, and copies what is in them to folders, with the clients of the stores' own makers.

Arguments: make or copy, the bucket, the address of S3, the connection string of Azure, the address of Google Cloud Storage or nothing, the folder.
"""

import json
import pathlib
import sys
import urllib.parse
import urllib.request

import boto3
from azure.storage.blob import BlobServiceClient

what, bucket, s3_address, azure, gcs, *rest = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=s3_address, region_name="eu-central-1", aws_access_key_id="testing", aws_secret_access_key="testing")
container = BlobServiceClient.from_connection_string(azure, api_version="2024-11-04").get_container_client(bucket)


def ask(path, body=None):
    headers = {"content-type": "application/json"}
    return urllib.request.urlopen(urllib.request.Request(gcs + path, data=body, headers=headers)).read()


def objects():
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            found = s3.get_object(Bucket=bucket, Key=entry["Key"])
            yield entry["Key"], found["Body"].read(), found["Metadata"]["sha256"]
    for blob in container.list_blobs(include=["metadata"]):
        yield blob.name, container.download_blob(blob.name).readall(), blob.metadata["sha256"]
    if gcs:
        for entry in json.loads(ask(f"/storage/v1/b/{bucket}/o")).get("items", []):
            name = urllib.parse.quote(entry["name"], safe="")
            yield entry["name"], ask(f"/storage/v1/b/{bucket}/o/{name}?alt=media"), entry["metadata"]["sha256"]


if what == "make":
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    container.create_container()
    if gcs:
        ask("/storage/v1/b?project=acme", json.dumps({"name": bucket}).encode())
else:
    for name, content, sha256 in objects():
        path = pathlib.Path(rest[0]) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.with_name(path.name + ".sha256").write_text(sha256)

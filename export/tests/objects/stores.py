"""Makes the buckets of a test, and copies what is in them to folders, with the clients of the stores' own makers.

Arguments: make or copy, the bucket, the address of S3, the connection string of Azure, the address of another S3 or nothing, the folder.
"""

import pathlib
import sys

import boto3
from azure.storage.blob import BlobServiceClient

what, bucket, address, azure, other, *rest = sys.argv[1:]
REGION = "eu-central-1"
stores = [
    boto3.client("s3", endpoint_url=url, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")
    for url in (address, other)
    if url
]
container = BlobServiceClient.from_connection_string(azure, api_version="2024-11-04").get_container_client(bucket)


def objects():
    for s3 in stores:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for entry in page.get("Contents", []):
                found = s3.get_object(Bucket=bucket, Key=entry["Key"])
                yield entry["Key"], found["Body"].read(), found["Metadata"]["sha256"]
    for blob in container.list_blobs(include=["metadata"]):
        yield blob.name, container.download_blob(blob.name).readall(), blob.metadata["sha256"]


if what == "make":
    for s3 in stores:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    container.create_container()
else:
    for name, content, sha256 in objects():
        path = pathlib.Path(rest[0]) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.with_name(path.name + ".sha256").write_text(sha256)

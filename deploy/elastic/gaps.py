#!/usr/bin/env python3
"""Is every record in Elasticsearch or OpenSearch, and once? Counts exactly, by a composite aggregation that is read page by page.

    URL=https://elastic.acme.example:9200 AUTHORIZATION='ApiKey …' ./gaps.py [INDEX]

Says for each stream the first and the last number, how many records there are, and which numbers are lost or doubled. Ends with 1 if any is."""

import json
import os
import sys
import urllib.request

PAGE = 10_000


def question(after=None):
    """The body of `_search` for one page."""
    sources = [{"stream": {"terms": {"field": "tachograph.chain"}}}, {"number": {"terms": {"field": "event.sequence"}}}]
    composite = {"size": PAGE, "sources": sources, **({"after": after} if after else {})}
    return {"size": 0, "track_total_hits": False, "aggs": {"numbers": {"composite": composite}}}


def buckets(ask):
    """Every number of every stream in order, with how many records have it."""
    after = None
    while True:
        page = ask(question(after))["aggregations"]["numbers"]
        for bucket in page["buckets"]:
            yield bucket["key"]["stream"], bucket["key"]["number"], bucket["doc_count"]
        after = page.get("after_key")
        if not page["buckets"] or not after:
            return


def count(found):
    """What is there of each stream: first, last, records, stretches of lost numbers, doubled numbers."""
    streams = {}
    for stream, number, copies in found:
        own = streams.setdefault(stream, {"first": number, "last": number - 1, "records": 0, "lost": [], "doubled": []})
        if number > own["last"] + 1:
            own["lost"].append((own["last"] + 1, number - 1))
        if copies > 1:
            own["doubled"].append(number)
        own["last"] = number
        own["records"] += copies
    return streams


def main():
    index = sys.argv[1] if len(sys.argv) > 1 else "tachograph-*,logs-tachograph-*"
    headers = {"content-type": "application/json"}
    if os.environ.get("AUTHORIZATION"):
        headers["authorization"] = os.environ["AUTHORIZATION"]

    def ask(body):
        request = urllib.request.Request(f"{os.environ['URL'].rstrip('/')}/{index}/_search", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    streams = count(buckets(ask))
    for stream, own in streams.items():
        lost = sum(last - first + 1 for first, last in own["lost"])
        print(f"{stream}: {own['records']} records, {own['first']} to {own['last']}, {lost} lost {own['lost'][:20]}, {len(own['doubled'])} doubled {own['doubled'][:20]}")
    return 1 if any(own["lost"] or own["doubled"] for own in streams.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

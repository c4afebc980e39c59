"""Runs the query packs of deploy over what sinks sent, once whole and once with one record lost and one doubled: DuckDB's own SQL, Athena's by sqlglot
in DuckDB, Sentinel's KQL by duckdb-kql, the count of Elasticsearch's pages; and reads the files of the Splunk app, for which no engine can be had.

The argument is the folder of copies. Every fault is printed; the end is 1 if there is any."""

import configparser
import json
import re
import runpy
import sys
import xml.etree.ElementTree
from pathlib import Path

import duckdb
import duckdb_kql
import sqlglot

DEPLOY = Path(__file__).parents[2] / "deploy"
# What the test that wrote the copy lost and doubled, of the stream events/0.
LOST, DOUBLED = 5, 9
FAULTS = []


def check(is_right, what):
    if not is_right:
        FAULTS.append(what)


def gaps_are(rows, has_faults, what, streams):
    """Rows of stream, first, last, records, lost, doubled."""
    found = {row[0]: tuple(row[1:]) for row in rows}
    check(set(found) == streams, f"{what}: streams {sorted(found)}")
    for stream, (first, last, records, lost, doubled) in found.items():
        wanted = (1, 1) if has_faults and stream.endswith("events/0") else (0, 0)
        check((lost, doubled) == wanted and first == 0 and records == last + 1, f"{what}: {stream} {(first, last, records, lost, doubled)}")


def views(con, place, form):
    text = (DEPLOY / f"duckdb/views-{form}.sql").read_text().replace("/var/spool/tachograph", str(place / "plain"))
    con.execute(text)


def gaps_of(dialect, form, place):
    """The search for gaps: DuckDB's reads objects itself, Athena's reads a table and leaves out objects of tests by their path."""
    if dialect == "duckdb":
        return (DEPLOY / f"duckdb/gaps-{form}.sql").read_text().replace("/var/spool/tachograph", str(place / "plain"))
    query = (DEPLOY / "athena/gaps.sql").read_text()
    return sqlglot.transpile(query.replace('"$path"', "''"), read="athena", write="duckdb")[0]


def duckdb_pack(place, has_faults):
    for form in ("ndjson", "parquet"):
        for dialect in ("duckdb", "athena"):
            con = duckdb.connect()
            views(con, place, form)
            answers = {}
            for path in sorted((DEPLOY / dialect / "queries").glob("*.sql")):
                query = path.read_text()
                query = query if dialect == "duckdb" else sqlglot.transpile(query, read="athena", write="duckdb")[0]
                answers[path.stem] = con.execute(query).fetchall()
            for path in sorted((DEPLOY / dialect / "detections").glob("*.sql")):
                query = path.read_text()
                con.execute(query if dialect == "duckdb" else sqlglot.transpile(query, read="athena", write="duckdb")[0]).fetchall()
            what = f"{dialect} over {form}"
            gaps = gaps_of(dialect, form, place)
            rows = con.execute(gaps).fetchall()
            gaps_are(rows, has_faults, what, {"events/0", "operations/0"} if dialect == "duckdb" else {"events/0"})
            wanted = [("events/0", "lost", LOST, LOST), ("events/0", "doubled", DOUBLED, DOUBLED)] if has_faults else []
            check(answers["gap_ranges"] == wanted, f"{what}: ranges {answers['gap_ranges']}")
            answered(answers, what)
            print(f"{what}: {len(answers)} queries, lost and doubled {[row[4:] for row in rows]}")


def answered(answers, what):
    """Every question but the one for loops has an answer in the records, since they have every kind."""
    for name, rows in answers.items():
        if name not in ("looping_agents", "gap_ranges"):
            check(bool(rows), f"{what}: {name} says nothing")


def sentinel_pack(place, has_faults):
    columns = json.loads((DEPLOY / "sentinel/columns.json").read_text())
    rows = [row for line in (place / "sentinel.json").read_text().splitlines() for row in json.loads(line)]
    for row in rows:
        check(list(row) == [column["name"] for column in columns], f"the sink sends {list(row)}")
    kinds = {"datetime": "TIMESTAMPTZ", "string": "VARCHAR", "long": "BIGINT", "dynamic": "JSON"}
    con = duckdb_kql.connect()
    con.execute("CREATE TABLE Tachograph_CL (" + ", ".join(f"{column['name']} {kinds[column['type']]}" for column in columns) + ")")
    values = [[json.dumps(value) if isinstance(value, dict) else value for value in row.values()] for row in rows]
    con.executemany("INSERT INTO Tachograph_CL VALUES (" + ", ".join("?" * len(columns)) + ")", values)
    function = "function TachographEvents() {\n" + (DEPLOY / "sentinel/functions/TachographEvents.kql").read_text() + "\n}"
    answers = {}
    for path in sorted((DEPLOY / "sentinel/queries").glob("*.kql")):
        answers[path.stem] = duckdb_kql.query(con, path.read_text(), functions=[function]).fetchall()
    gaps_are(answers["gaps"], has_faults, "sentinel", {"events/0", "operations/0"})
    wanted = [("events/0", LOST, LOST)] if has_faults else []
    check(answers["gap_ranges"] == wanted, f"sentinel: ranges {answers['gap_ranges']}")
    # The records are of 2025, so none is of the last day.
    answered({name: found for name, found in answers.items() if name != "new_hosts"}, "sentinel")
    print(f"KQL: {len(answers)} queries, lost and doubled {[row[4:] for row in answers['gaps']]}")


def elastic_pack(place, has_faults):
    script = runpy.run_path(str(DEPLOY / "elastic/gaps.py"))
    copies = {}
    for line in (place / "ecs.ndjson").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        # The fixtures say every ledger in one chain.
        key = (record["tachograph"]["stream"], record["event"]["sequence"])
        copies[key] = copies.get(key, 0) + 1
    ordered = sorted(copies)

    def ask(body):
        composite = body["aggs"]["numbers"]["composite"]
        after = composite.get("after")
        rest = [key for key in ordered if not after or key > (after["stream"], after["number"])][:100]
        page = [{"key": {"stream": stream, "number": number}, "doc_count": copies[stream, number]} for stream, number in rest]
        return {"aggregations": {"numbers": {"buckets": page, **({"after_key": page[-1]["key"]} if page else {})}}}

    streams = script["count"](script["buckets"](ask))
    for stream, own in streams.items():
        wanted = ([(LOST, LOST)], [DOUBLED]) if has_faults and stream == "events/0" else ([], [])
        check((own["lost"], own["doubled"]) == wanted, f"elastic: {stream} {own}")
    check(set(streams) == {"events/0", "operations/0"}, f"elastic: {set(streams)}")
    print(f"pages of Elasticsearch: {[(own['lost'], own['doubled']) for own in streams.values()]}")


def splunk_pack(place):
    """Every setting is `name = value`, every search that something names is there, and every sourcetype and field that is sent is known."""
    app, files = DEPLOY / "splunk/default", {}
    for path in sorted(app.glob("*.conf")):
        conf = configparser.RawConfigParser(strict=True, delimiters=("=",), comment_prefixes=("#",), inline_comment_prefixes=None)
        conf.optionxform = str
        text = path.read_text()
        # A backslash at the end goes on in the next line.
        conf.read_string(re.sub(r" \\\n", "\n  ", text))
        files[path.stem] = conf
    searches = files["savedsearches"]
    for name in searches.sections():
        query = searches[name]["search"]
        for opening, closing in ("()", "[]"):
            check(query.count(opening) == query.count(closing) or "rex" in query or "regex" in query, f"splunk: {name}: {opening}")
        check(query.count('"') % 2 == 0, f"splunk: {name}: quotes")
        for macro in re.findall(r"`([^`]+)`", query):
            check(macro in files["macros"].sections(), f"splunk: {name}: no macro {macro}")
    for view in sorted(app.glob("data/ui/**/*.xml")):
        for search in xml.etree.ElementTree.parse(view).iter("search"):
            ref = search.get("ref")
            check(ref is None or ref in searches.sections(), f"splunk: {view.name}: no search {ref}")
    sent, fields = set(), set()
    decoder, text, at = json.JSONDecoder(), (place / "splunk_hec.json").read_text(), 0
    while at < len(text.rstrip()):
        event, at = decoder.raw_decode(text, at)
        at = re.compile(r"\s*").match(text, at).end()
        sent.add(event["sourcetype"])
        fields |= set(event["fields"])
    check(sent <= set(files["props"].sections()), f"splunk: no stanza for {sent - set(files['props'].sections())}")
    check(fields == set(files["fields"].sections()), f"splunk: indexed fields {fields}")
    for name in sent:
        settings = files["props"][name]
        check((settings["TRUNCATE"], settings["KV_MODE"]) == ("0", "json"), f"splunk: {name}")
    print(f"Splunk: {len(searches.sections())} searches, sourcetypes {sorted(sent)}")


def main(folder):
    for copy in ("whole", "faults"):
        has_faults, place = copy == "faults", Path(folder) / copy
        print(f"{copy}:")
        duckdb_pack(place, has_faults)
        sentinel_pack(place, has_faults)
        elastic_pack(place, has_faults)
    splunk_pack(Path(folder) / "whole")
    print("\n".join(FAULTS[:40]))
    return 1 if FAULTS else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

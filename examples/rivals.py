#!/usr/bin/env python3
"""What recording costs beside ClickHouse and DuckDB: the CPU time of each for the same records, in turn, on one machine.

    python3 examples/rivals.py --server target/dist/tachograph --load target/dist/examples/load --directory bench-out

Each round runs, in another order each time: Tachograph (`load --events`, over loopback HTTP, until all full files are sealed), and
inserts of a file of the same lines into ClickHouse and DuckDB inside of a process that does nothing else (packages `chdb` and
`duckdb` of PyPI). These two take the line itself and seventeen columns out of it, on two threads, with nothing else: no HTTP, no
hash chain, no sync before an acknowledgement, no redaction, no detector. `merged` is ClickHouse's insert with its merge
into one part, which is when its size on the disk is final. Before and after, what the machine itself does is measured: where that
differs by more than a tenth there is no verdict.
"""

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time

COLUMNS = [
    ("ts", "$.ts"), ("level", "$.level"), ("msg", "$.msg"), ("caller", "$.caller"), ("trace", "$.trace"),
    ("owner", "$.fields.owner"), ("workspace_name", "$.fields.workspace_name"), ("agent_name", "$.fields.agent_name"),
    ("decision", "$.fields.decision"), ("session_id", "$.fields.session_id"),
    ("sequence_number", "$.fields.sequence_number"), ("workspace_id", "$.fields.workspace_id"),
    ("template_id", "$.fields.template_id"), ("http_method", "$.fields.http_method"), ("http_url", "$.fields.http_url"),
    ("event_time", "$.fields.event_time"), ("request_id", "$.fields.request_id"),
]


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def disk_bytes(place):
    return sum(os.stat(os.path.join(folder, name)).st_blocks * 512 for folder, _, names in os.walk(place) for name in names)


def insert_into_clickhouse(lines, place):
    from chdb.session import Session

    session = Session(place)
    session.query("SET max_threads = 2")
    fields = ", ".join(f"{name} {'Int64' if name == 'sequence_number' else 'String'}" for name, path in COLUMNS if ".fields." in path)
    top = ", ".join(f"{name} String" for name, path in COLUMNS if ".fields." not in path)
    shape = f"Tuple({top}, fields Tuple({fields}))"
    types = {"level", "msg", "caller", "owner", "workspace_name", "agent_name", "decision", "session_id", "workspace_id",
             "template_id", "http_method"}
    kind = lambda name: ("DateTime64(9)" if name in ("ts", "event_time") else "Int64" if name == "sequence_number"
                         else "LowCardinality(String)" if name in types else "String")
    columns = ", ".join(f"{name} {kind(name)}" for name, _ in COLUMNS)
    session.query("CREATE DATABASE bench ENGINE = Atomic")
    session.query(f"CREATE TABLE bench.events ({columns}, line String CODEC(ZSTD(1))) ENGINE = MergeTree ORDER BY (session_id, sequence_number)")
    tuple_of = lambda path: "parsed." + path[2:]
    values = ", ".join(
        f"parseDateTime64BestEffort({tuple_of(path)}, 9, 'UTC')" if kind(name).startswith("DateTime") else tuple_of(path)
        for name, path in COLUMNS)
    before, started = cpu_seconds(), time.monotonic()
    session.query(f"INSERT INTO bench.events SELECT {values}, line FROM (SELECT line, JSONExtract(line, '{shape}') AS parsed "
                  f"FROM file('{lines}', LineAsString)) SETTINGS max_insert_threads = 2")
    inserted, seconds = cpu_seconds() - before, time.monotonic() - started
    session.query("OPTIMIZE TABLE bench.events FINAL")
    merged = cpu_seconds() - before
    count = int(str(session.query("SELECT count() FROM bench.events WHERE line != '' AND session_id != '' AND ts > 0")).strip())
    size = int(str(session.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench'")).strip())
    return {"count": count, "cpu": inserted, "merged": merged, "seconds": seconds, "bytes": size}


def insert_into_duckdb(lines, place):
    import duckdb

    os.makedirs(place)
    database = os.path.join(place, "events.duckdb")
    connection = duckdb.connect()
    # Its newest format has the compression that suits long lines.
    connection.execute(f"ATTACH '{database}' AS bench (STORAGE_VERSION 'latest')")
    connection.execute("USE bench")
    connection.execute("SET threads = 2")
    kind = lambda name: "TIMESTAMP_NS" if name in ("ts", "event_time") else "BIGINT" if name == "sequence_number" else "VARCHAR"
    columns = ", ".join(f"{name} {kind(name)}" for name, _ in COLUMNS)
    connection.execute(f"CREATE TABLE events ({columns}, line VARCHAR)")
    paths = ", ".join(f"'{path}'" for _, path in COLUMNS)
    values = ", ".join(f"CAST(rtrim(found[{at + 1}], 'Z') AS {kind(name)})" if kind(name) == "TIMESTAMP_NS" else
                       f"CAST(found[{at + 1}] AS {kind(name)})" for at, (name, _) in enumerate(COLUMNS))
    before, started = cpu_seconds(), time.monotonic()
    connection.execute(
        f"INSERT INTO events SELECT {values}, line FROM (SELECT line, json_extract_string(line, [{paths}]) AS found FROM "
        f"read_csv('{lines}', columns = {{'line': 'VARCHAR'}}, delim = '\\x01', quote = '', escape = '', header = false, auto_detect = false))")
    connection.execute("CHECKPOINT")
    inserted, seconds = cpu_seconds() - before, time.monotonic() - started
    count = connection.execute("SELECT count(*) FROM events WHERE line != '' AND session_id != '' AND ts IS NOT NULL").fetchone()[0]
    connection.close()
    return {"count": count, "cpu": inserted, "seconds": seconds, "bytes": os.path.getsize(database)}


RIVALS = {"ClickHouse": insert_into_clickhouse, "DuckDB": insert_into_duckdb}


def run_rival(name, arguments, lines):
    """In a process of its own: then nothing of one insert is in the memory of the next."""
    place = os.path.join(arguments.directory, name.lower())
    shutil.rmtree(place, ignore_errors=True)
    command = [sys.executable, os.path.abspath(__file__), "--one", name, "--lines", lines, "--place", place]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    shutil.rmtree(place, ignore_errors=True)
    return json.loads(done.stdout)


def run_tachograph(arguments, dialect):
    command = [arguments.load, "--server", arguments.server, "--directory", arguments.directory, "--dialect", dialect,
               "--events", str(arguments.events), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def calibrate():
    """MB of SHA-256 and of copying in a second, at best, and the load of others: what the machine is today."""
    block, copy = random.Random(1).randbytes(1 << 20), bytearray(1 << 20)

    def rate(work):
        def once():
            started = time.process_time()
            for _ in range(64):
                work()
            return 64 / (time.process_time() - started)
        return max(once() for _ in range(9))

    def copies():
        copy[:] = block

    return {"sha256_mb_per_second": rate(lambda: hashlib.sha256(block).digest()), "copy_mb_per_second": rate(copies),
            "load": os.getloadavg()[0]}


def shown(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def row(name, *cells):
    print("| " + " | ".join([name, *cells]) + " |")


def compare(arguments):
    os.makedirs(arguments.directory, exist_ok=True)
    lines = os.path.abspath(os.path.join(arguments.directory, "lines.jsonl"))
    subprocess.run([arguments.load, "--server", arguments.server, "--events", str(arguments.events), "--write", lines], check=True)
    order, found, before = random.Random(7), {name: [] for name in ("Tachograph", *RIVALS)}, calibrate()
    for _ in range(arguments.rounds):
        names = list(found)
        order.shuffle(names)
        for name in names:
            found[name].append(run_tachograph(arguments, "coder") if name == "Tachograph" else run_rival(name, arguments, lines))
    after = calibrate()
    os.remove(lines)
    for name in RIVALS:
        assert all(one["count"] == arguments.events for one in found[name]), f"{name} took {[one['count'] for one in found[name]]}"
    micros = {name: [one["cpu"] / arguments.events * 1e6 for one in found[name]] for name in RIVALS}
    ours = [one["fixed"]["cpu_us_per_event_sealed"] for one in found["Tachograph"]]
    print(f"{arguments.events} coder lines, {arguments.rounds} rounds, median (least to most)\n")
    row("", "CPU µs a line", "lines/s", "bytes a line")
    row("---", "---", "---", "---")
    row("Tachograph, everything on, sealed", shown(ours), shown([one["fixed"]["events_per_second"] for one in found["Tachograph"]], 0),
        shown([one["fixed"]["sealed_bytes_per_event"] for one in found["Tachograph"]], 1))
    for name in RIVALS:
        row(f"{name}, insert", shown(micros[name]), shown([arguments.events / one["seconds"] for one in found[name]], 0),
            shown([one["bytes"] / arguments.events for one in found[name]], 1))
    row("ClickHouse, insert and merge", shown([one["merged"] / arguments.events * 1e6 for one in found["ClickHouse"]]), "", "")
    for name in RIVALS:
        print(f"\nTachograph : {name} = {shown([own / other for own, other in zip(ours, micros[name])])}")
    print("\nBy thread of Tachograph, CPU µs a line:\n")
    threads = sorted({thread for one in found["Tachograph"] for thread in one["fixed"]["cpu_us_per_event_by_thread"]})
    for thread in threads:
        values = [one["fixed"]["cpu_us_per_event_by_thread"].get(thread, 0.0) for one in found["Tachograph"]]
        if statistics.median(values) >= 0.01:
            row(thread, shown(values))
    spread = max(abs(after[name] / before[name] - 1) for name in ("sha256_mb_per_second", "copy_mb_per_second"))
    print(f"\nThe machine before and after: {json.dumps(before)} {json.dumps(after)}")
    if spread > 0.1:
        print(f"No verdict: the machine itself changed by {spread:.0%}.")
    else:
        ratio = statistics.median(own / other for own, other in zip(ours, micros["ClickHouse"]))
        print(f"Verdict: {ratio:.2f} times the CPU of ClickHouse's insert; the bar is 1.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", help="the binary of Tachograph")
    parser.add_argument("--load", help="the binary of the load process")
    parser.add_argument("--directory", default="bench-out", help="where data is written; its disk is what is measured")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=RIVALS, help=argparse.SUPPRESS)
    parser.add_argument("--lines", help=argparse.SUPPRESS)
    parser.add_argument("--place", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(RIVALS[arguments.one](arguments.lines, arguments.place)))
    else:
        compare(arguments)


if __name__ == "__main__":
    main()

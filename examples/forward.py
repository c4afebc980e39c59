#!/usr/bin/env python3
"""Forwarding beside Tenzir on the same machine, with one receiver for both: CPU time of the forwarder per record and records per second.
And outages: memory beside a receiver that never answers, and how fast what waits is sent once a receiver is back.

Usage: forward.py FORWARD TENZIR [--records N] [--rounds N] [--rate N] [--only NAME...]

FORWARD is the example `forward` of the package export, TENZIR the program of PyPI's tenzir. Each round runs both one after the other; the
table has the middle of each figure. What the receiver costs is told apart. --rate says how many records a second are appended while what
waited is sent.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time


def measured(command, **options):
    """Runs a command, and returns its CPU time, its wall time and its peak memory."""
    begun = time.monotonic()
    process = subprocess.Popen(command, **options)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]} ended with {status}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begun, usage.ru_maxrss / 1024


class Receiver:
    def __init__(self, forward, folder):
        self.log = open(folder / "received", "w+")
        self.process = subprocess.Popen([forward, "receive"], stdout=subprocess.PIPE, stderr=self.log, text=True)
        _, self.http, self.tcp, self.dead, self.late = self.process.stdout.readline().split()

    def end(self):
        self.process.terminate()
        _, _, usage = os.wait4(self.process.pid, 0)
        self.log.seek(0)
        plain = sum(int(line.split()[0]) for line in self.log if line.strip())
        return usage.ru_utime + usage.ru_stime, plain


def hec(address):
    return {"type": "splunk_hec", "url": f"http://{address}", "token": "SECRET"}


def fresh(folder):
    """An empty folder for one run."""
    run = folder / "run"
    subprocess.run(["rm", "-rf", str(run)], check=True)
    run.mkdir()
    return run


def said(*command):
    """What a run of the forwarder prints."""
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def outages(forward, folder, records, rate, rounds):
    """Two tables: memory while records pass, with and without a dead receiver beside, and how fast a backlog goes."""
    rows, recovered = {}, []
    for _ in range(rounds):
        for name in ("healthy alone", "beside a dead one"):
            receiver = Receiver(forward, folder)
            dead = [] if name == "healthy alone" else [receiver.dead]
            rows.setdefault(name, []).append(
                said(forward, "beside", str(fresh(folder)), json.dumps(hec(receiver.http)), str(records), *dead)
            )
            receiver.end()
        receiver, run = Receiver(forward, folder), fresh(folder)
        subprocess.run(["cp", "-r", str(folder / "data"), str(run / "data")], check=True)
        recovered.append(said(forward, "recover", str(run), json.dumps(hec(receiver.late)), str(rate)))
        receiver.end()
    print(f"{'':18} {'peak MiB at a tenth':>20} {'peak MiB at the end':>20}")
    for name, rounds in rows.items():
        early, peak = (statistics.median(one[key] for one in rounds) for key in ("early_mib", "peak_mib"))
        print(f"{name:18} {early:20.0f} {peak:20.0f}")
    middle = statistics.median(one["sent"] / one["seconds"] for one in recovered)
    backlog = statistics.median(one["backlog"] for one in recovered)
    out = statistics.median(one["outage"] for one in recovered)
    print(f"after {out:.1f} s without an answer: a backlog of {backlog:,.0f} records, and {rate:,} a second that are appended meanwhile, were sent")
    print(f"at {middle:,.0f} records a second, {middle / rate:.1f} times the live rate")


def main():
    names = ("hec", "hec_plain", "elasticsearch", "syslog", "file", "tenzir", "outages")
    arguments = argparse.ArgumentParser()
    arguments.add_argument("forward")
    arguments.add_argument("tenzir")
    arguments.add_argument("--records", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--rate", type=int, default=5_000)
    arguments.add_argument("--only", nargs="+", choices=names, default=names)
    arguments = arguments.parse_args()
    forward, records = str(pathlib.Path(arguments.forward).resolve()), arguments.records
    figures = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        subprocess.run([forward, "prepare", str(folder), str(records)], check=True)
        size = (folder / "records.ndjson").stat().st_size
        print(f"{records:,} records of {size // records} bytes as JSON, {os.cpu_count()} cores")
        for turn in range(arguments.rounds):
            for name in [name for name in names if name in arguments.only and name != "outages"]:
                receiver = Receiver(forward, folder)
                if name == "tenzir":
                    pipeline = (
                        f'from_file "{folder}/records.ndjson" {{ read_ndjson }}\n'
                        f'to_splunk "http://{receiver.http}", hec_token="s3cret"'
                    )
                    got = measured([arguments.tenzir, pipeline], stderr=subprocess.DEVNULL)
                else:
                    port = int(receiver.tcp.rsplit(":", 1)[1])
                    settings = {
                        "hec": hec(receiver.http),
                        "hec_plain": {**hec(receiver.http), "gzip": False},
                        "elasticsearch": {"type": "elasticsearch", "url": f"http://{receiver.http}", "api_key": "SECRET"},
                        "syslog": {"type": "syslog", "server": "127.0.0.1", "port": port, "transport": "tcp"},
                        "file": {"type": "file", "folder": f"{folder}/objects-{turn}", "seconds_max": 1},
                    }[name]
                    # A copy of the ledger, so that each run begins at its first record.
                    copy = fresh(folder)
                    (folder / f"objects-{turn}").mkdir(exist_ok=True)
                    subprocess.run(["cp", "-r", str(folder / "data"), str(copy / "data")], check=True)
                    got = measured([forward, "run", str(copy), json.dumps(settings)])
                receiver_cpu, plain = receiver.end()
                figures.setdefault(name, []).append((*got, receiver_cpu, plain))
        if "outages" in arguments.only:
            outages(forward, folder, records, arguments.rate, arguments.rounds)
    if figures:
        print(f"{'':15} {'CPU µs/record':>14} {'records/s':>10} {'peak MiB':>9} {'receiver CPU µs':>16} {'MB received':>12}")
    for name, rounds in figures.items():
        cpu, wall, memory, receiver_cpu, plain = (statistics.median(column) for column in zip(*rounds))
        each = 1e6 / records
        print(f"{name:15} {cpu * each:14.2f} {records / wall:10,.0f} {memory:9.0f} {receiver_cpu * each:16.2f} {plain / 1e6:12.0f}")


main()

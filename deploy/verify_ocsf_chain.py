#!/usr/bin/env python3
"""Checks from a SIEM's copy alone that records which Tachograph exported as OCSF 1.9 are all there and are what was sent.

    verify_ocsf_chain.py [--part] [--in-order] [--last FINGERPRINT] [--proof PROOF] FILE...

A file is NDJSON or one JSON value, as a search or a scroll gives it: an event may stand at the top, or below members such as `_source`,
`result`, `hits`, `event`, and as text in `_raw`. `-` is the standard input. Nothing but the standard library of Python 3.8 is needed.

Each event has the profile `record_integrity`: `attestation_list` holds the SHA-256 of its canonical form (RFC 8785) without that
fingerprint, and names the event before it in its chain with the fingerprint of that. So the copy shows

  missing   an event that another one comes after is not there: the numbers in `metadata.sequence` have a gap,
  changed   an event is not what its own fingerprint says, or not what the event after it says,
  doubled   an event is there more than once,
  forked    two events say that they come after the same one,
  moved     only with --in-order: an event stands in the file before one that it comes after.

What was cut off at the end of a chain no copy can show: compare the last event with the sink's newest receipt, whose record holds its
fingerprint in `link` (`--last`). With --part the copy may begin in the middle of a chain, as one of a span of time does.

With --proof, a file that `tachograph proof POSITION` prints: `raw_data_hash` of the event with that position is the leaf of its entry in the
ledger, and the leaf is in the tree of the checkpoint, whose text is printed. The standard library has no Ed25519, so who signed the
checkpoint is not checked here: `tachograph verify PROOF` does that, or whatever else reads signed notes of C2SP.

Ends with 0 if every chain is whole and every proof holds, with 3 if anything was found, and with 2 if there is nothing to check."""

import argparse
import base64
import hashlib
import itertools
import json
import sys

TEXTS = ("_raw", "raw", "event", "original", "message", "body", "line")
NAMED_MAX = 100
FORM = {
    "algorithm_id": 3, "algorithm": "SHA-256", "encoding_id": 1, "encoding": "Hex", "serialization_id": 2, "serialization": "JCS",
}  # fmt: skip


def canonical(value):
    """The canonical form of RFC 8785. Exported events hold whole numbers below 2^53 only, whatever a store made of them."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(canonical(name) + ":" + canonical(item) for name, item in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def fingerprint(event):
    """What an event's own fingerprint must be."""
    own = {name: item for name, item in event["attestation_list"][0].items() if name not in ("fingerprint", "signatures")}
    text = canonical({**event, "attestation_list": [own, *event["attestation_list"][1:]]})
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_event(value):
    attestations, metadata = value.get("attestation_list"), value.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(attestations, list) or not attestations:
        return False
    first = attestations[0]
    return isinstance(first, dict) and isinstance(first.get("chain_uid"), str) and isinstance(metadata.get("uid"), str)


def events(value, depth=0):
    """The events in a value, wherever they are nested."""
    if depth > 12:
        return
    if isinstance(value, list):
        for item in value:
            yield from events(item, depth + 1)
    elif isinstance(value, dict):
        if is_event(value):
            yield value
            return
        for name, item in value.items():
            if isinstance(item, str) and name in TEXTS and item.lstrip()[:1] in ("{", "["):
                item = parsed(item)
            yield from events(item, depth + 1)


def members_of(pairs):
    """An object. Of two members with one name readers take either, so whoever put a second one in changed the event."""
    value = dict(pairs)
    return value if len(value) == len(pairs) else {**value, "two members have one name": True}


def parsed(text):
    try:
        return json.loads(text, object_pairs_hook=members_of)
    except (ValueError, RecursionError):
        return None


def text_at(value, *names):
    """The text below these members, if there is one: whoever changed an event may have changed its shape."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def hash_at(value):
    """The value of a fingerprint in the form in which they are exported; nothing of one in another form."""
    stated = value.get("fingerprint") if isinstance(value, dict) else None
    text = text_at(stated, "value")
    return text if stated == {**FORM, "value": text} else None


class Input:
    """The events of the files, and how many lines hold none."""

    def __init__(self, paths):
        self.paths, self.without = paths, 0

    def __iter__(self):
        for path in self.paths:
            if path == "-":
                yield from self.read(sys.stdin)
            else:
                with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                    yield from self.read(file)

    def read(self, file):
        first = next((line for line in file if line.strip()), "")
        value = parsed(first)
        # What is no JSON by its first line alone is one value over many lines, which is read whole.
        values = [value] if value is not None else [parsed(first + file.read())]
        for value in itertools.chain(values, (parsed(line) for line in file if line.strip())):
            found = list(events(value))
            self.without += not found
            yield from found


class Chain:
    """The copies of one chain's events by their ids."""

    def __init__(self):
        self.copies, self.order, self.findings = {}, [], []

    def add(self, event):
        uid = event["metadata"]["uid"]
        attestation = event["attestation_list"][0]
        sequence = event["metadata"].get("sequence")
        copy = {
            "said": hash_at(attestation),
            "made": fingerprint(event),
            "after": text_at(attestation, "prev_event", "uid"),
            "after_said": hash_at(attestation.get("prev_event")),
            "sequence": sequence if isinstance(sequence, int) else None,
            "leaf": text_at(event, "raw_data_hash", "value"),
        }
        self.copies.setdefault(uid, []).append(copy)
        self.order.append(uid)

    def find(self, what, uid, why, count=1):
        self.findings.append((what, uid, why, count))

    def check(self, part, in_order):
        """Checks the chain. Where an event is there more than once the copy counts that is what it says of itself."""
        newest = {}
        for uid, copies in self.copies.items():
            whole = [copy for copy in copies if copy["said"] == copy["made"]]
            if len(copies) > 1:
                self.find("doubled", uid, f"it is there {len(copies)} times")
            if len({copy["made"] for copy in copies}) > 1:
                self.find("changed", uid, "its copies are not equal")
            if not whole:
                self.find("changed", uid, "it is not what its fingerprint says")
            newest[uid] = (whole or copies)[0]
        self.links(newest)
        self.numbers(newest, part)
        if in_order:
            seen = set()
            for uid in self.order:
                after = newest[uid]["after"]
                if after in newest and after not in seen:
                    self.find("moved", uid, f"it stands before {after}, which it comes after")
                seen.add(uid)
        return self.ends(newest)

    def links(self, newest):
        """Checks what each event says of the one before it. One that is not there at all is missing by its number, too."""
        followers, by_number = {}, {copy["sequence"]: uid for uid, copy in newest.items() if copy["sequence"] is not None}
        for uid, copy in newest.items():
            after, number = copy["after"], copy["sequence"]
            if after is None:
                continue
            followers.setdefault(after, []).append(uid)
            before = newest.get(after)
            if before is not None and before["said"] != copy["after_said"]:
                self.find("changed", after, f"it is not what {uid}, which comes after it, says it was")
            elif before is None and number is not None and number - 1 in by_number:
                self.find("changed", by_number[number - 1], f"{uid}, which comes after it, names {after} instead")
        for after, uids in followers.items():
            if len(uids) > 1:
                self.find("forked", after, f"{', '.join(sorted(uids))} come after it")
        beginnings = sorted(uid for uid, copy in newest.items() if copy["after"] is None)
        for uid in beginnings[1:]:
            self.find("forked", uid, f"it begins the chain anew, as {beginnings[0]} did")

    def numbers(self, newest, part):
        """Checks that the numbers of the events have no gap. The first event has none before it, or begins a part."""
        numbered = sorted((copy["sequence"], uid) for uid, copy in newest.items() if copy["sequence"] is not None)
        expected = 0
        if numbered and (part or newest[numbered[0][1]]["after"] is None):
            expected = numbered[0][0]
        for number, uid in numbered:
            after = newest[uid]["after"]
            if number == expected + 1:
                self.find("missing", after, f"{uid} comes after it; its number is {expected}")
            elif number > expected:
                self.find("missing", after, f"{uid} comes after it, and {number - expected - 1} before it: numbers {expected} to {number - 1}", number - expected)
            elif number < expected:
                self.find("forked", uid, f"another event has its number, {number}")
            expected = max(expected, number + 1)

    def ends(self, newest):
        """The ids of the first and the last event by their numbers."""
        by_number = sorted(newest, key=lambda uid: (-1 if newest[uid]["sequence"] is None else newest[uid]["sequence"], uid))
        return by_number[0], by_number[-1], newest[by_number[-1]]["said"]


class Untrue(Exception):
    """What does not hold of a proof."""


def shown(text):
    """A text for a terminal, which it must not steer."""
    return text if text.isprintable() else ascii(text)


def node(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root_of(leaf, place):
    """The root to which a path leads (RFC 9162, section 2.1.3.2)."""
    at, last, found = place["index"], place["size"] - 1, leaf
    if not 0 <= at <= last:
        raise Untrue("a leaf is outside of its tree")
    for other in map(bytes.fromhex, place["path"]):
        if last == 0:
            raise Untrue("a path is too long for its tree")
        if at % 2 == 1 or at == last:
            found = node(b"\1", other, found)
            while at % 2 == 0 and at != 0:
                at, last = at // 2, last // 2
        else:
            found = node(b"\1", found, other)
        at, last = at // 2, last // 2
    if last != 0:
        raise Untrue("a path is too short for its tree")
    return found


class Proof:
    """A proof file as section 12 of the ledger's FORMAT.md says, followed from the leaf of an entry to the root in a checkpoint."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            proof = json.load(file)
        self.position, self.note = proof["position"], proof["checkpoint"]
        ledger, shard, seq = self.position.split("/")
        data, header = bytes.fromhex(proof["leaf_data"]), bytes.fromhex(proof["header"])
        number = lambda first, end: int.from_bytes(header[first:end], "big")  # noqa: E731
        leaf = node(b"\0", data)
        if len(header) != 206 or root_of(leaf, proof["batch"]) != header[26:58] or proof["batch"]["size"] != number(22, 26):
            raise Untrue("the leaf is not in the batch")
        if number(14, 22) + proof["batch"]["index"] != int(seq) or not number(2, 6) == int.from_bytes(data[1:5], "big") == int(shard):
            raise Untrue(f"it is about another entry than {self.position}")
        self.origin, size, root = self.note.split("\n")[:3]
        if f"/{ledger}/{shard}/" not in self.origin:
            raise Untrue(f"{self.position} is not of the log {self.origin}")
        in_log = proof["log"]["size"] == int(size) and proof["log"]["index"] == number(6, 14)
        if not in_log or root_of(node(b"\0", header), proof["log"]) != base64.b64decode(root, validate=True):
            raise Untrue("the batch is not in the log of the checkpoint")
        self.leaf = leaf.hex()

    def compare(self, chains):
        """How many events of a copy have the leaf: all that are said to be this entry."""
        events = [copy for name, chain in chains.items() if name.startswith(f"{self.origin}/") for copy in chain.copies.get(self.position, [])]
        if not events:
            raise Untrue(f"the copy has no event {self.position} of {self.origin}")
        for copy in events:
            if copy["leaf"] != self.leaf:
                raise Untrue(f"raw_data_hash of {self.position} is {copy['leaf']}, and the leaf of the entry is {self.leaf}")
        return len(events)


def check_proof(path, chains):
    """Whether a proof holds for the copy, and says so."""
    try:
        proof = Proof(path)
        count = proof.compare(chains)
    except Untrue as untrue:
        print(f"{path}: {shown(str(untrue))}")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as wrong:
        print(f"{path}: it is no proof file: {type(wrong).__name__}: {shown(str(wrong))}")
    else:
        print(f"{path}: raw_data_hash of {proof.position} ({count} events) is its leaf in the tree of this checkpoint, whose signature is not checked here:")
        print("".join(f"  {shown(line)}\n" for line in proof.note.split("\n")), end="")
        return True
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--part", action="store_true", help="the copy may begin in the middle of a chain")
    parser.add_argument("--in-order", action="store_true", help="the copy has the order of the chain")
    parser.add_argument("--last", action="append", default=[], metavar="FINGERPRINT", help="a chain must end with this event")
    parser.add_argument("--proof", action="append", default=[], metavar="PROOF", help="an event is the entry that this file proves")
    options = parser.parse_args()
    source, chains = Input(options.files), {}
    for event in source:
        chains.setdefault(event["attestation_list"][0]["chain_uid"], Chain()).add(event)
    if not chains:
        print("there is no event with the profile record_integrity", file=sys.stderr)
        return 2
    found, lasts = False, set()
    for name, chain in sorted(chains.items()):
        first, last, said = chain.check(options.part, options.in_order)
        lasts.add(said)
        counts = {}
        for what, _, _, count in chain.findings:
            counts[what] = counts.get(what, 0) + count
        told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "whole"
        print(f"{name}: {len(chain.copies)} events, first {first}, last {last} ({said}): {told}")
        for what, uid, why, _ in chain.findings[:NAMED_MAX]:
            print(f"  {what} {uid}: {why}")
        if len(chain.findings) > NAMED_MAX:
            print(f"  and {len(chain.findings) - NAMED_MAX} more")
        found = found or bool(chain.findings)
    for wanted in set(options.last) - lasts:
        print(f"no chain ends with {wanted}: its last events are missing")
        found = True
    for path in options.proof:
        found = not check_proof(path, chains) or found
    if source.without:
        print(f"{source.without} lines or files hold no event of a chain")
    return 3 if found else 0


if __name__ == "__main__":
    sys.exit(main())

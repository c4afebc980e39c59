// Checks web/static/proof.js on a proof that the binary made: node --test, with the file's path in PROOF.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { changed, verifyProof } from "./static/proof.js";

const proof = JSON.parse(readFileSync(process.env.PROOF ?? new URL("proof.json", import.meta.url), "utf8"));

const other = (text) => { const at = Math.floor(text.length / 2); return text.slice(0, at) + (text[at] === "0" ? "1" : "0") + text.slice(at + 1); };

test("what the binary proves holds here too", async () => {
  const found = await verifyProof(proof);
  assert.equal(found.holds, true, JSON.stringify(found.steps));
  assert.deepEqual(found.steps.map(({ name }) => name), ["Record", "Batch root", "Header", "Checkpoint", "Signature"]);
  // Two for the commitment, one for the leaf, one for the header's leaf, one for the key's id, and the siblings.
  assert.equal(found.hashes, 5 + proof.batch.path.length + proof.log.path.length + (proof.content ? 2 : 0));
  assert.equal(found.signatures, 1);
});

test("one changed bit of the record fails at the record", async () => {
  const { proof: copy, before, after } = changed(proof);
  assert.notEqual(before, after);
  const found = await verifyProof(copy);
  assert.deepEqual([found.holds, found.failed], [false, "Record"]);
});

const cases = {
  "the salt": [(copy) => { copy.facts.salt = other(copy.facts.salt); }, "Record"],
  "the leaf": [(copy) => { copy.leaf_data = other(copy.leaf_data); }, "Record"],
  "the header": [(copy) => { copy.header = other(copy.header); }, undefined],
  "the index": [(copy) => { copy.batch.index += 1; }, "Batch root"],
  "the number of leaves": [(copy) => { copy.batch.size += 1; }, "Batch root"],
  "the position": [(copy) => { copy.position = "events/0/999999999"; }, "Batch root"],
  "the ledger": [(copy) => { copy.position = copy.position.replace("events", "operations"); }, "Checkpoint"],
  "the size of the log": [(copy) => { copy.log.size += 1; }, undefined],
  "the checkpoint": [(copy) => { copy.checkpoint = copy.checkpoint.replace(/^\S+/, (origin) => `${origin}0`); }, "Signature"],
  "the key": [(copy) => { copy.key = copy.key.replace("+", "x+"); }, "Signature"],
  "an upper-case digit": [(copy) => { copy.leaf_data = copy.leaf_data.replace(/[a-f]/, (digit) => digit.toUpperCase()); }, "Record"],
  "nonsense": [(copy) => { copy.checkpoint = "x"; }, "Checkpoint"],
  "another format": [(copy) => { copy.format = 2; }, "Record"],
};
for (const [name, [change, failed]] of Object.entries(cases)) {
  test(`another ${name} fails`, async () => {
    const copy = structuredClone(proof);
    change(copy);
    const found = await verifyProof(copy);
    assert.equal(found.holds, false);
    if (failed) assert.equal(found.failed, failed);
  });
}

for (const tree of ["batch", "log"]) {
  test(`another node of the path in the ${tree} fails`, { skip: proof[tree].path.length === 0 }, async () => {
    const copy = structuredClone(proof);
    copy[tree].path[0] = other(copy[tree].path[0]);
    assert.equal((await verifyProof(copy)).holds, false);
    copy[tree].path = [];
    assert.equal((await verifyProof(copy)).holds, false);
  });
}

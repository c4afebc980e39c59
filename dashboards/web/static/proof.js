// Verifies a proof file (ledger/FORMAT.md, section 12) by what is in it and nothing else: every hash is computed here, by the browser. It asks
// no server and touches no page.

const FACTS = "tachograph/facts/2\n";
const CONTENT = "tachograph/content/2\n";
const HEADER_BYTES = 206;
const LEAF_BYTES = 49;

const utf8 = new TextEncoder();

/** Why a step does not hold, in words. */
class Wrong extends Error {}

export function fromHex(text) {
  if (typeof text !== "string" || text.length % 2 || !/^[0-9a-f]*$/.test(text)) throw new Wrong("it is not written in hexadecimal digits");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export const toHex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const fromBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { bytes.set(part, at); at += part.length; }
  return bytes;
}

const isEqual = (one, other) => one.length === other.length && one.every((byte, index) => byte === other[index]);

/** SHA-256 that counts how often it was taken. */
function counter() {
  const hash = async (...parts) => {
    hash.count += 1;
    return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(parts)));
  };
  hash.count = 0;
  return hash;
}

/** From a leaf over its siblings to the root (RFC 9162, section 2.1.3.2); the steps say what was joined. */
async function climb(hash, leaf, { index, size, path }) {
  if (!(Number.isSafeInteger(index) && Number.isSafeInteger(size) && index >= 0 && index < size && Array.isArray(path))) throw new Wrong("its place in the tree is impossible");
  let node = leaf;
  let at = index;
  let last = size - 1;
  const steps = [];
  for (const text of path) {
    if (last === 0) throw new Wrong("the path is too long for its tree");
    const sibling = fromHex(text);
    if (sibling.length !== 32) throw new Wrong("a node of the path is no hash");
    const isRight = at % 2 === 1 || at === last;
    node = await (isRight ? hash(Uint8Array.of(1), sibling, node) : hash(Uint8Array.of(1), node, sibling));
    steps.push({ sibling: text, side: isRight ? "left" : "right", node: toHex(node) });
    if (isRight) while (at % 2 === 0 && at !== 0) { at = Math.floor(at / 2); last = Math.floor(last / 2); }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw new Wrong("the path is too short for its tree");
  return { root: node, steps };
}

async function committed(hash, { salt, part }, domain) {
  const salted = fromHex(salt);
  if (salted.length !== 16) throw new Wrong("a salt has 16 bytes");
  return hash(Uint8Array.of(2), salted, await hash(utf8.encode(domain), fromHex(part)));
}

/** The commitments in the bytes of a leaf. */
function readLeaf(bytes) {
  const view = new DataView(bytes.buffer);
  if (bytes.length < LEAF_BYTES || bytes[0] !== 2) throw new Wrong("it is no leaf of version 2");
  const hasContent = (view.getUint32(13) & 1) === 1;
  if (bytes.length !== LEAF_BYTES + (hasContent ? 32 : 0)) throw new Wrong("it is longer or shorter than its flags say");
  return { shard: view.getUint32(1), recorded: view.getBigInt64(5), facts: bytes.slice(17, LEAF_BYTES), content: hasContent ? bytes.slice(LEAF_BYTES) : undefined };
}

/** What of a batch header the proof rests on. */
function readHeader(bytes) {
  const view = new DataView(bytes.buffer);
  if (bytes.length !== HEADER_BYTES || view.getUint16(0) !== 1) throw new Wrong("it is no batch header of version 1");
  return { shard: view.getUint32(2), batch: Number(view.getBigUint64(6)), first: Number(view.getBigUint64(14)), count: view.getUint32(22), root: bytes.slice(26, 58) };
}

/** A signed note: the text that is signed, and the signatures with the names of their keys. */
function readNote(note) {
  const split = note.lastIndexOf("\n\n");
  if (split < 0 || !note.endsWith("\n")) throw new Wrong("it is no signed note");
  const text = note.slice(0, split + 1);
  const signatures = note.slice(split + 2).split("\n").filter(Boolean).map((line) => {
    const [dash, name, base64] = line.split(" ");
    if (dash !== "\u2014" || !base64) throw new Wrong("a line of signatures is no signature");
    const bytes = fromBase64(base64);
    return { name, id: toHex(bytes.slice(0, 4)), signature: bytes.slice(4) };
  });
  const [origin, size, root] = text.split("\n");
  return { text, signatures, origin, size: Number(size), root: fromBase64(root ?? "") };
}

function readKey(key) {
  const [name, id, base64] = key.trim().split("+").reduce((parts, part, index) => index < 3 ? [...parts, part] : [...parts.slice(0, 2), `${parts[2]}+${part}`], []);
  const bytes = fromBase64(base64 ?? "");
  if (bytes.length !== 33 || bytes[0] !== 1) throw new Wrong("the key is no Ed25519 key");
  return { name, id, bytes: bytes.slice(1), algorithm: bytes };
}

const PINNED = "pinned-key";

/** The key that somebody pinned in this browser, which outlasts whatever the server says. */
export const pin = {
  get key() { return localStorage.getItem(PINNED) ?? undefined; },
  get id() { return this.key && readKey(this.key).id; },
  /** Pins a key as `tachograph init` prints it, or with an empty text none. */
  set(key) {
    if (!key.trim()) { localStorage.removeItem(PINNED); return; }
    readKey(key);
    localStorage.setItem(PINNED, key.trim());
  },
};

/** Whether the note is signed by the key; `undefined` where this browser knows no Ed25519. */
async function isSigned(hash, note, key) {
  if (toHex((await hash(utf8.encode(`${key.name}\n`), key.algorithm)).slice(0, 4)) !== key.id) throw new Wrong("the key's id does not belong to its name and bytes");
  const signed = note.signatures.find(({ name, id }) => name === key.name && id === key.id);
  if (!signed) throw new Wrong("no signature is by this key");
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key.bytes, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return undefined;
  }
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signed.signature, utf8.encode(note.text));
}

/**
 * Verifies a proof. `steps` are in order: `name`, `holds` (true, false, or undefined for what this browser cannot check), `text`, `hash`;
 * it ends at the first that fails. `key` is a key that was pinned elsewhere; without it, the one in the proof is believed.
 */
export async function verifyProof(proof, { key: pinned } = {}) {
  const hash = counter();
  const begun = performance.now();
  const found = { holds: false, steps: [], hashes: 0, signatures: 0, milliseconds: 0, pinned: Boolean(pinned) };
  const step = async (name, work) => {
    try {
      found.steps.push({ name, holds: true, ...await work() });
    } catch (error) {
      found.steps.push({ name, holds: false, text: error instanceof Wrong ? error.message : "it cannot be read" });
      throw error;
    }
  };
  const demand = (holds, words) => { if (!holds) throw new Wrong(words); };
  let leaf;
  let header;
  try {
    await step("Record", async () => {
      demand(proof.format === 1, "the proof has a format that this page does not read");
      const data = fromHex(proof.leaf_data);
      leaf = readLeaf(data);
      demand(isEqual(await committed(hash, proof.facts, FACTS), leaf.facts), "the facts are not the ones that the leaf commits to");
      if (proof.content) demand(leaf.content && isEqual(await committed(hash, proof.content, CONTENT), leaf.content), "the content is not the one that the leaf commits to");
      leaf.hash = await hash(Uint8Array.of(0), data);
      const parts = proof.content ? "facts and content" : "facts; content stays a commitment";
      return { text: `leaf from ${(proof.facts.part.length + (proof.content?.part.length ?? 0)) / 2} bytes of the record: ${parts}`, hash: toHex(leaf.hash) };
    });
    await step("Batch root", async () => {
      header = readHeader(fromHex(proof.header));
      const { root, steps } = await climb(hash, leaf.hash, proof.batch);
      found.batch = { ...proof.batch, steps };
      demand(isEqual(root, header.root) && proof.batch.size === header.count, "the leaf does not lead to the root in the batch header");
      demand(leaf.shard === header.shard, "the leaf is of another shard");
      const [ledger, shard, position] = proof.position.split("/");
      demand(Number(position) === header.first + proof.batch.index && Number(shard) === header.shard && ledger, "it is the proof of another position");
      return { text: `equals the header’s: leaf ${proof.batch.index} of ${proof.batch.size}`, hash: toHex(root) };
    });
    let root;
    await step("Header", async () => {
      demand(proof.log.index === header.batch, "the header is of another batch");
      const entry = await hash(Uint8Array.of(0), fromHex(proof.header));
      const climbed = await climb(hash, entry, proof.log);
      root = climbed.root;
      found.log = { ...proof.log, steps: climbed.steps };
      return { text: `is number ${header.batch} of the log, over ${climbed.steps.length} siblings`, hash: toHex(entry) };
    });
    let note;
    await step("Checkpoint", async () => {
      note = readNote(proof.checkpoint);
      const [ledger, shard] = proof.position.split("/");
      demand(note.size === proof.log.size && isEqual(root, note.root), "the log does not lead to the root in the checkpoint");
      demand(note.origin.includes(`/${ledger}/${shard}/`), "the checkpoint is of another ledger");
      found.checkpoint = { origin: note.origin, size: note.size };
      return { text: `has the same root: ${note.size} batches of ${note.origin}`, hash: toHex(note.root) };
    });
    await step("Signature", async () => {
      const key = readKey(pinned ?? proof.key);
      const is = await isSigned(hash, note, key);
      demand(is !== false, "the signature is not by the key");
      found.signatures = is ? 1 : 0;
      const whose = pinned ? "a key that was pinned" : "the key in the proof, which nobody pinned";
      return { holds: is, text: is ? `Ed25519, by ${whose}` : "this browser has no Ed25519: check it with tachograph verify", hash: key.id };
    });
    found.holds = true;
  } catch (error) {
    found.failed = found.steps.findLast(({ holds }) => holds === false)?.name;
    if (!found.failed) throw error;
  }
  found.hashes = hash.count;
  found.milliseconds = performance.now() - begun;
  return found;
}

/** A copy of a proof in which one bit of the record is another one; says which. */
export function changed(proof) {
  const { part } = proof.facts;
  const byte = Math.floor(part.length / 4);
  const before = Number.parseInt(part.slice(2 * byte, 2 * byte + 2), 16);
  const after = (before ^ 1).toString(16).padStart(2, "0");
  const copy = structuredClone(proof);
  copy.facts.part = part.slice(0, 2 * byte) + after + part.slice(2 * byte + 2);
  return { proof: copy, byte, before: before.toString(16).padStart(2, "0"), after };
}

// Integrity: verifies one record in this browser and draws how; shows a verification's result as soon as there is one.
import { element, icon, svg } from "./elements.js";
import { count } from "./figures.js";
import { live } from "./live.js";
import { changed, pin, verifyProof } from "./proof.js";
import { defanged, put } from "./shown.js";

const form = document.getElementById("prove-form");
const result = document.getElementById("proof-result");
const ladder = document.getElementById("ladder");
const steps = document.getElementById("proof-steps");
const flip = document.getElementById("flip");
const file = document.getElementById("proof-file");
/** The proof as it came, unchanged. */
let proof;

/** The path of one tree, from the leaf up: what was computed here as circles, what the proof brought as squares. */
function rungs(picture, tree, x, top, bottom, good) {
  const count = tree?.steps.length ?? 0;
  const gap = (bottom - top) / Math.max(1, count);
  for (let index = 0; index < count; index += 1) {
    const y = bottom - gap * index;
    const side = tree.steps[index].side === "left" ? -1 : 1;
    picture.append(svg("path", { class: good ? "way" : "way bad", d: `M${x} ${y}V${y - gap}` }), svg("path", { class: "way-other", d: `M${x + 26 * side} ${y}H${x + 6 * side}` }));
    if (gap >= 11) picture.append(svg("rect", { class: "node-given", x: x + (side > 0 ? 26 : -36), y: y - 5, width: 10, height: 10 }), svg("circle", { class: good ? "node" : "node bad", cx: x, cy: y, r: 4.5 }));
    else picture.append(svg("path", { class: "way-other", d: `M${x + 26 * side} ${y - 2}v4` }));
  }
}

function box(picture, x, y, width, words, good) {
  picture.append(svg("rect", { class: good ? "stone" : "stone bad", x, y, width, height: 26 }), svg("text", { class: "middle strong", x: x + width / 2, y: y + 17 }, words));
}

/** The ladder from the record to the signature. What failed, and what was never reached after it, is not green. */
function draw(found) {
  const holds = (name) => found.steps.find((step) => step.name === name)?.holds;
  const picture = svg("svg", { viewBox: "0 0 720 268", role: "img", "aria-label": found.steps.map(({ name, text }) => `${name}: ${text}`).join(". ") });
  const { batch, log, checkpoint } = found;
  const isRooted = Boolean(holds("Batch root"));
  rungs(picture, batch, 150, 46, 204, isRooted);
  picture.append(svg("circle", { class: holds("Record") ? "node" : "node bad", cx: 150, cy: 204, r: 6 }));
  picture.append(svg("text", { class: "middle strong", x: 150, y: 228 }, batch ? `leaf ${count(batch.index)} of ${count(batch.size)}` : "leaf"));
  picture.append(svg("text", { x: 4, y: 246 }, "SHA-256(0x00, version, shard, time, flags, facts, content)"));
  if (!holds("Record")) picture.append(svg("path", { class: "break", d: "M136 190l28 28M164 190l-28 28" }));
  picture.append(svg("path", { class: isRooted ? "way" : "way-other", d: "M150 46V27H330" }), svg("text", { x: 8, y: 22 }, "root of the batch"));
  box(picture, 330, 14, 150, "batch header", isRooted);
  rungs(picture, log && { ...log, steps: [...log.steps].reverse() }, 405, 40, 204, Boolean(holds("Header") && holds("Checkpoint")));
  picture.append(svg("path", { class: holds("Checkpoint") ? "way" : "way-other", d: log?.steps.length ? "M405 204V229H470" : "M405 40V229H470" }));
  picture.append(svg("text", { x: 452, y: 112 }, log ? `${log.steps.length} siblings of the shard’s log,` : "the shard’s log"), svg("text", { x: 452, y: 128 }, log ? `${count(log.size)} batches` : "was not reached"));
  box(picture, 470, 216, 240, checkpoint ? `checkpoint, ${count(checkpoint.size)} batches` : "checkpoint", Boolean(holds("Checkpoint") && holds("Signature") !== false));
  const signed = holds("Signature");
  picture.append(svg("text", { class: signed ? "good end" : "end", x: 710, y: 208 }, signed ? "signature good" : signed === false ? "signature wrong" : "signature not checked"));
  ladder.replaceChildren(picture);
}

function show(found, what) {
  const word = element("b", found.holds ? "c-allow" : "c-deny", icon(found.holds ? "check" : "cross"), found.holds ? " Included and unchanged." : ` Not as it was recorded: ${found.failed} fails.`);
  const figures = `${found.hashes} hashes, ${found.signatures} signature${found.signatures === 1 ? "" : "s"}, ${found.milliseconds < 10 ? found.milliseconds.toFixed(1) : Math.round(found.milliseconds)} ms.`;
  result.replaceChildren(word, " ", put(document.createElement("span"), what), " ", element("span", "muted", figures));
  result.className = found.holds ? "vres b-allow" : "vres b-deny";
  result.hidden = false;
  steps.replaceChildren(...found.steps.map(({ name, holds, text, hash }) => {
    const mark = element("td", holds ? "c-allow" : holds === false ? "c-deny" : "c-warn", icon(holds ? "check" : holds === false ? "cross" : "high"), ` ${name}`);
    return element("tr", "", mark, put(document.createElement("td"), text), element("td", "num", element("code", "muted", hash?.slice(0, 8) ?? "")));
  }));
  steps.closest("table").hidden = false;
  draw(found);
}

function trouble(text) {
  put(result, text);
  result.className = "vres b-warn";
  result.hidden = false;
  flip.hidden = true;
}

async function verify(given, what) {
  proof = given;
  const found = await verifyProof(proof, pin);
  show(found, what);
  flip.hidden = !found.holds;
}

async function fetched(position) {
  const response = await fetch(`/api/v1/records/${encodeURIComponent(position)}`);
  const answer = await response.json();
  if (!response.ok) return trouble(answer.detail ?? "The server has no answer.");
  if (answer.proof?.state !== "proven") return trouble(`The record is ${answer.proof?.state ?? "not provable"}: no checkpoint covers its batch yet. Ask again in a moment.`);
  return verify(answer.proof, defanged(answer.record?.summary ?? `${answer.record?.kind ?? ""} ${answer.record?.target ?? ""}`));
}

if (form && window.isSecureContext && crypto.subtle) {
  document.getElementById("by-hand").hidden = false;
  form.addEventListener("submit", (event) => {
    // The other button of the form downloads the file.
    if (event.submitter?.value === "download") return;
    event.preventDefault();
    const position = form.elements.position.value.trim();
    history.replaceState(null, "", `?position=${encodeURIComponent(position)}#prove`);
    fetched(position).catch((error) => trouble(`It could not be verified: ${error.message}`));
  });
  flip.addEventListener("click", async () => {
    const other = changed(proof);
    show(await verifyProof(other.proof, pin), `In this browser’s copy byte ${other.byte} of the facts became ${other.after}, it was ${other.before}. The server’s is as it was.`);
  });
  file.addEventListener("change", async () => {
    try {
      await verify(JSON.parse(await file.files[0].text()), file.files[0].name);
    } catch {
      trouble("The file is no proof.");
    }
  });
  const pinning = document.getElementById("pinning");
  const { key } = pinning.elements;
  const tell = () => {
    key.value = pin.key ?? "";
    const same = pin.id === pinning.dataset.id;
    put(pinning.querySelector("output"), !pin.key ? "No key is pinned: the one that the server names is believed." : `Key ${pin.id} is pinned in this browser${same ? ", and the directory names the same." : ". The directory names another one."}`);
    pinning.querySelector("output").className = pin.key && !same ? "c-deny" : "muted";
  };
  pinning.parentElement.hidden = false;
  tell();
  pinning.addEventListener("submit", (event) => {
    event.preventDefault();
    try {
      pin.set(event.submitter?.value === "forget" ? "" : key.value);
      tell();
    } catch (error) {
      put(pinning.querySelector("output"), `It is not pinned: ${error.message}.`);
    }
  });
  if (new URLSearchParams(location.search).get("position")) form.requestSubmit(form.querySelector("button"));
}

/** Shows the page anew, unless somebody works with it: then it says that there is more. */
function renew(verification) {
  if (proof && verification?.verdict !== "tampered") document.getElementById("changed").hidden = false;
  else location.reload();
}

const page = document.getElementById("verdict");
const known = Number(page.dataset.number);
live.on("head", ({ verification }) => {
  if (verification && verification.number !== known) renew(verification);
});
// Whoever may not read events has no stream: while a verification runs, the page asks.
if (page.dataset.running) {
  const ask = async () => {
    const response = await fetch("/api/v1/integrity");
    const { verifications: [newest] = [], running } = await response.json();
    if (newest && newest.number !== known && !running) renew(newest);
    else setTimeout(ask, 1000);
  };
  setTimeout(ask, 1000);
}

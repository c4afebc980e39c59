// The timeline of a session: the frame is dragged, all records are one list, and a record opens beside it. Everything is in the address.
import { Brush } from "./brush.js";
import { count, seconds } from "./figures.js";
import { keys } from "./keys.js";
import { live } from "./live.js";
import { json, part, state } from "./parts.js";
import { wire } from "./record.js";
import { Records } from "./records.js";

const root = document.getElementById("timeline");
const { session, began, until, from, to } = root.dataset;
const container = document.getElementById("list");
const drawer = document.getElementById("drawer");
const path = `/sessions/${encodeURIComponent(session)}`;
const parameters = new URLSearchParams(location.search);
const iso = (micros) => `${new Date(Math.floor(micros / 1000)).toISOString().slice(0, 19)}.${String(Math.round(micros) % 1e6).padStart(6, "0")}Z`;

const records = new Records(container, { session, began });
let selected = parameters.get("record") ?? "";
let chain = new Map();

/** Marks the record that is open, and the numbers of its chain. */
records.decorate = (scope = container) => {
  for (const row of scope.querySelectorAll("tr[data-position]")) {
    const is = row.dataset.position === selected;
    row.classList.toggle("selected", is);
    if (is) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current");
    const number = chain.get(row.dataset.position);
    const cell = row.cells[0];
    if (cell.textContent.trim() === String(number ?? "")) continue;
    cell.replaceChildren();
    if (!number) continue;
    const ring = document.createElement("span");
    ring.className = "ring";
    ring.textContent = number;
    cell.append(ring);
  }
};

function readChain() {
  const article = drawer.querySelector(".record");
  const positions = article?.dataset.chain ? article.dataset.chain.split(",") : [];
  chain = new Map(positions.map((position, at) => [position, at + 1]));
  for (const button of drawer.querySelectorAll("[data-go]")) button.hidden = false;
  wire(article);
}

// The frame.
let drawing;
async function draw(frame) {
  drawing?.abort();
  drawing = new AbortController();
  const asked = new URLSearchParams({ from: iso(frame.from), until: iso(frame.until) });
  if (selected) asked.set("record", selected);
  if (chain.size) asked.set("chain", [...chain.keys()].join());
  try {
    const body = await part(`${path}/frame?${asked}`, drawing.signal);
    document.getElementById("frame").replaceChildren(...body.children);
  } catch { /* The picture that is there stays. */ }
}
const whole = { from: Number(began), until: Number(until) };
const brush = new Brush(document.getElementById("overview"), whole, { from: Number(from), until: Number(to) }, (frame) => {
  state({ from: iso(frame.from), until: iso(frame.until) });
  draw(frame);
  if (records.seq) records.show(records.after(frame.from), "start");
});
for (const link of document.querySelectorAll("[data-move]")) {
  link.addEventListener("click", (event) => { event.preventDefault(); brush.press(link.dataset.move); });
  keys.on(link.dataset.move, () => brush.press(link.dataset.move));
}
keys.on("−", () => brush.press("-"));
keys.on("=", () => brush.press("+"));

// The drawer.
async function open(position, { redraw = true } = {}) {
  if (!position.startsWith("events/")) return;
  selected = position;
  state({ record: position });
  records.decorate();
  const asked = new URLSearchParams({ part: "drawer", close: location.pathname });
  try {
    const body = await part(`/records/${position}?${asked}`);
    if (selected !== position) return;
    drawer.replaceChildren(...body.children);
  } catch (error) {
    drawer.replaceChildren(Object.assign(document.createElement("p"), { className: "empty", textContent: `The record cannot be shown: ${error.message}.` }));
  }
  drawer.hidden = false;
  root.classList.add("has-drawer");
  readChain();
  records.decorate();
  if (redraw) draw(brush.frame);
}

function close() {
  if (drawer.hidden) return;
  selected = "";
  chain = new Map();
  drawer.hidden = true;
  root.classList.remove("has-drawer");
  state({ record: "" });
  records.decorate();
  draw(brush.frame);
  container.focus();
}

drawer.addEventListener("click", (event) => {
  const link = event.target.closest("a, button");
  if (!link) return;
  if (link.matches("[data-close]")) { event.preventDefault(); close(); }
  else if (link.dataset.go) { event.preventDefault(); move(link.dataset.go === "j" ? 1 : -1); }
  else if (link.dataset.at?.startsWith("events/") && !event.ctrlKey && !event.metaKey) { event.preventDefault(); go(link.dataset.at); }
});

/** Shows a record in the list and opens it. */
async function go(position) {
  const at = records.find(position);
  if (at >= 0) await records.show(at, "center");
  await open(position);
}

// The list.
const rows = () => [...container.querySelectorAll("tr[data-position]")];
let cursor = selected;
async function move(step) {
  const all = rows();
  const at = all.findIndex((row) => row.dataset.position === cursor);
  let next = at < 0 ? all.find((row) => row.getBoundingClientRect().top >= container.getBoundingClientRect().top) : all[at + step];
  if (!next && at >= 0) {
    const found = records.find(cursor);
    if (found < 0 || !records.length) return;
    next = await records.show(Math.max(0, Math.min(records.length - 1, found + step)), "nearest");
  }
  if (!next) return;
  cursor = next.dataset.position;
  records.scroll(next, "nearest");
  next.querySelector("a.open").focus({ preventScroll: true });
  if (!drawer.hidden) open(cursor, { redraw: false });
}

async function jump(step, holds) {
  const at = records.next(Math.max(-1, records.find(cursor || selected || "")), step, holds);
  if (at < 0) { say("There is no other."); return; }
  const row = await records.show(at);
  if (!row) return;
  cursor = row.dataset.position;
  row.querySelector("a.open").focus({ preventScroll: true });
  await open(cursor);
}

let flagged;
async function evidence() {
  flagged ??= json(`/api/v1/alerts?${new URLSearchParams({ filter: `session:"${session}"`, limit: "200" })}`).then(({ alerts }) => new Set(alerts.flatMap((alert) => alert.evidence ?? []).map((position) => Number(position.split("/").pop()))));
  return flagged;
}

const say = (text) => { document.getElementById("announce").textContent = text; };

container.addEventListener("click", async (event) => {
  const row = event.target.closest("tr[data-position]");
  if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest("[data-unfold]")) {
    event.preventDefault();
    records.scroll(await records.unfold(row), "nearest");
    return;
  }
  if (!row.dataset.position.startsWith("events/") || !getSelection().isCollapsed) return;
  event.preventDefault();
  cursor = row.dataset.position;
  open(cursor);
});
keys.on("j", () => move(1));
keys.on("k", () => move(-1));
keys.on("d", () => jump(1, (at) => records.isDenied(at)));
keys.on("f", async () => { const named = await evidence().catch(() => new Set()); jump(1, (at) => named.has(records.seq[at])); });
keys.on("y", () => navigator.clipboard?.writeText(drawer.querySelector("[data-copy]")?.href ?? location.href));
keys.on("Escape", close);
document.getElementById("frame").addEventListener("click", (event) => {
  const position = new URL(event.target.closest("a")?.href?.baseVal ?? "", location.href).searchParams.get("record");
  if (!position || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  cursor = position;
  go(position);
});

// Lanes of the list.
for (const link of document.querySelectorAll("[data-kind]")) {
  if (link.matches("[aria-current]")) records.kinds.add(link.dataset.kind);
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    const { kind } = link.dataset;
    if (records.kinds.has(kind)) records.kinds.delete(kind); else records.kinds.add(kind);
    link.classList.toggle("is-on", records.kinds.has(kind));
    if (records.kinds.has(kind)) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    state({ kinds: [...records.kinds].join() });
    const middle = records.after(brush.frame.from);
    records.layout();
    await records.show(middle, "start");
  });
}

// Search over the whole session, on the server.
const form = document.querySelector(".find");
const steps = document.getElementById("steps");
let found = [];
let place = -1;
async function search() {
  const text = form.elements.search.value.trim();
  state({ search: text });
  steps.hidden = true;
  const told = document.getElementById("found");
  if (!text) { told.textContent = ""; found = []; return; }
  told.textContent = "…";
  const asked = new URLSearchParams({ search: text, limit: "1" });
  if (root.hasAttribute("data-content")) asked.set("content", "true");
  const answer = await json(`/api/v1/sessions/${encodeURIComponent(session)}/records?${asked}`).catch(() => null);
  if (!answer) { told.textContent = "not answered"; return; }
  found = answer.found.positions;
  place = -1;
  told.textContent = `${count(answer.found.total)} found`;
  steps.hidden = !found.length;
  if (found.length) await step(1);
}
async function step(by) {
  if (!found.length) return;
  place = (place + by + found.length) % found.length;
  document.getElementById("found").textContent = `${count(place + 1)} of ${count(found.length)}`;
  const at = records.find(found[place]);
  if (at < 0) return;
  const row = await records.show(at);
  cursor = row?.dataset.position ?? found[place];
  await open(found[place], { redraw: false });
}
form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
for (const button of steps.children) button.addEventListener("click", () => step(Number(button.dataset.step)));

/** How often the picture of the whole session is made anew while it goes on. */
const WHOLE_MS = 3_000;
let drawn = 0;
/** Draws the whole session as it is now. A frame around everything, or at its end, goes on with it. */
async function drawWhole() {
  if (performance.now() - drawn < WHOLE_MS) return;
  drawn = performance.now();
  let came;
  try { came = (await part(`${path}/overview${location.search}`)).querySelector(".overview"); } catch { return; }
  if (brush.drag) return;
  const { from, until } = brush.frame;
  const [isWhole, isAtEnd] = [from <= whole.from && until >= whole.until, until >= whole.until];
  for (const what of [".ph > p", ".as-table tbody", "#overview"]) document.querySelector(`.overview ${what}`).replaceChildren(...came.querySelector(what).childNodes);
  [whole.from, whole.until] = [Number(came.dataset.from), Number(came.dataset.until)];
  brush.rect = brush.svg.querySelector(".frame");
  brush.set(isWhole ? whole : isAtEnd ? brush.within(whole.until - (until - from), until - from) : brush.frame);
  if (isAtEnd) draw(brush.frame);
}

// A session that goes on: what came since is asked for when the ledger has grown.
const end = document.getElementById("end");
const ago = document.getElementById("ago");
let growing = false;
async function grow() {
  if (growing || !records.seq || "ended" in root.dataset || live.paused) return;
  growing = true;
  const isAtEnd = container.scrollHeight - container.scrollTop - container.clientHeight < 40;
  try {
    const came = await records.grow();
    if (came) {
      end.dataset.last = new Date(records.time.at(-1) / 1000).toISOString();
      if (isAtEnd) container.scrollTop = container.scrollHeight;
      setTimeout(drawWhole, Math.max(0, drawn + WHOLE_MS - performance.now()));
    }
  } catch { /* The next growth asks again. */ }
  setTimeout(() => { growing = false; }, 500);
}
live.on("head", grow);
if (ago) setInterval(() => { if (!live.paused) ago.textContent = seconds(Date.now() - Date.parse(end.dataset.last)); }, 500);

readChain();
await records.start();
container.classList.add("is-virtual");
records.layout();
const isSelected = selected && records.find(selected) >= 0;
const where = isSelected ? "center" : "start";
const first = await records.reach(isSelected ? records.find(selected) : records.after(brush.frame.from), where);
root.dataset.ready = "";
await records.settle(first, where);
if (form.elements.search.value) search();

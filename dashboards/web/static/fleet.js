// The fleet, live: rows change where they stand, new ones come, and the order is made anew while nobody is in the table.
import { element, icon } from "./elements.js";
import { age, count, dollars, seconds, short, time } from "./figures.js";
import { list } from "./keys.js";
import { live } from "./live.js";
import { defanged, put } from "./shown.js";

const table = document.getElementById("agents");
const STATES = { working: ["Working", "working"], waiting: ["Waiting", "waiting"], quiet: ["Quiet", "quiet"], repeating: ["Repeating", "repeating"], stuck: ["Stuck", "stuck"], over_budget: ["Over budget", "budget"], done: ["Done", "check"], failed: ["Failed", "cross"], lost: ["Lost", "lost"] };
const agents = new Map();

const nameOf = (agent) => agent.workspace_name || agent.agent || agent.workspace || agent.session || "unnamed";

/** A line about an event, without its kind, which the icon says. */
const spoken = (summary = "", kind = "") => defanged(summary.startsWith(kind) && summary.length > kind.length ? summary.slice(kind.length).trim() : summary === kind ? kind.replace(".", " ") : summary);

function kindIcon(kind = "") {
  const lanes = [["egress", "egress"], ["model", "model"], ["tool", "tool"], ["file", "file"], ["check", "test"], ["prompt", "prompt"], ["command", "command"], ["approval", "key"]];
  return lanes.find(([beginning]) => kind.startsWith(beginning))?.[1] ?? "life";
}

function strip(agent) {
  const highest = Math.max(1, ...agent.activity_events ?? []);
  const bars = (agent.activity_events ?? []).map((events, minute) => events ? `M${minute}.5 14v-${(2 + 8 * Math.sqrt(events / highest)).toFixed(1)}` : "").join("");
  const denials = (agent.activity_denied ?? []).map((denied, minute) => denied ? `M${minute}.5 14V0` : "").join("");
  return { bars, denials };
}

/** The shapes of those who may tell of a session. */
const WITNESSES = { firewall: "egress", gateway: "model", hooks: "tool", telemetry: "life", managed_settings: "key" };

/** Brings the cells of a row up to date; the row itself stays, so that focus and selection do. */
function show(row, agent) {
  const [state, name, task, picture, rate, money, spend, tests, egress, last] = row.cells;
  const [word, shape] = STATES[agent.state] ?? STATES.quiet;
  if (state.dataset.state !== agent.state) {
    state.dataset.state = agent.state;
    state.replaceChildren(element("span", `st st-${agent.state}`, icon(shape), word));
  }
  const link = name.querySelector("a") ?? name.appendChild(element("a", "", element("b")));
  link.href = agent.session ? `/sessions/${encodeURIComponent(agent.session)}` : "/sessions";
  put(link.firstElementChild, nameOf(agent));
  const [team, seen] = name.querySelector("small")?.children ?? [];
  if (team) put(team, agent.team ?? "");
  const witnesses = agent.witnesses ?? [];
  if (seen && seen.dataset.told !== String(witnesses)) {
    seen.dataset.told = witnesses;
    seen.title = witnesses.length ? `Told by ${witnesses.join(", ").replaceAll("_", " ")}` : "Told by nobody yet";
    seen.setAttribute("aria-label", seen.title);
    seen.replaceChildren(...witnesses.map((word) => icon(WITNESSES[word] ?? "life")));
  }
  const [title, now] = task.children.length ? task.children : [task.appendChild(element("span", "tr block")), task.appendChild(element("small", "tr"))];
  const known = agent.task || agent.run;
  // Who may not read content keeps what the page was loaded with.
  if (known || !title.textContent) {
    put(title, known || "task not told by this source");
    title.classList.toggle("muted", !known);
  }
  const does = agent.state === "waiting" && agent.waiting_tool ? `approval: ${agent.waiting_tool}` : agent.command || agent.file;
  now.replaceChildren(icon(agent.state === "waiting" ? "key" : kindIcon(agent.last_kind)), " ", put(element("code"), does ? defanged(does) : spoken(agent.last_summary, agent.last_kind)));
  if (agent.repeats > 2) now.append(" ", element("b", "c-loop", `×${agent.repeats}`));
  const { bars, denials } = strip(agent);
  picture.querySelector(".bars")?.setAttribute("d", bars);
  picture.querySelector(".denials")?.setAttribute("d", denials);
  rate.textContent = agent.events_per_minute;
  money.textContent = dollars(agent.micros_per_minute);
  spend.replaceChildren(dollars(agent.micros_session), ...agent.unpriced_calls ? [element("small", "c-warn", `${agent.unpriced_calls} unpriced`)] : []);
  const told = agent.tests_total != null && agent.tests_passed != null;
  tests.textContent = told ? `${agent.tests_passed}/${agent.tests_total}` : agent.check_passed == null ? "–" : agent.check_passed ? "pass" : "fail";
  tests.classList.toggle("c-warn", told ? agent.tests_passed < agent.tests_total : agent.check_passed === false);
  egress.textContent = agent.denied ? `${agent.denied} denied` : agent.new_domains ? `${agent.new_domains} new` : short(agent.allowed);
  egress.className = `num nw${agent.denied ? " b c-deny" : agent.new_domains ? " b c-warn" : ""}`;
  last.textContent = age(agent.last_seen);
}

/** The rows by the agents' ids. */
const rows = new Map();

function rowOf(agent) {
  const body = table.tBodies[0];
  const found = rows.get(agent.id);
  if (found) return found;
  // Made of a row that is there, so that cells have their classes.
  const first = body.rows[0];
  if (!first) return null;
  const row = first.cloneNode(true);
  row.dataset.id = agent.id;
  delete row.cells[0].dataset.state;
  rows.set(agent.id, row);
  body.append(row);
  // The other agent's words do not stay in it, on the screen or not.
  show(row, agent);
  screen.observer.observe(row);
  return row;
}

/** Brings the rows that are on the screen up to date; the others wait until somebody scrolls to them. */
const screen = {
  near: new Set(),
  stale: new Set(),
  observer: new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) { screen.near.delete(target); continue; }
      screen.near.add(target);
      if (screen.stale.delete(target)) show(target, agents.get(target.dataset.id));
    }
  }, { rootMargin: "400px 0px" }),
  put(row) {
    if (screen.near.has(row)) show(row, agents.get(row.dataset.id));
    else screen.stale.add(row);
  },
  forget(row) {
    screen.observer.unobserve(row);
    screen.near.delete(row);
    screen.stale.delete(row);
  },
};

/** How often the order is made anew, and how many rows are new in one drawing: a large fleet comes in by and by. */
const ORDER_MS = 2_000;
const NEW_ROWS = 50;
/** The most rows: of a larger fleet those that need attention first; a filter finds the others. */
const ROWS_MAX = 300;
let ordered = 0;
/** What the last of so many rows has; who has no more than that is not shown. */
let least = -1;

const chosen = new URLSearchParams(location.search);
const fits = (agent) => (!chosen.has("team") || chosen.getAll("team").includes(agent.team)) && (!chosen.has("state") || chosen.getAll("state").includes(agent.state));

const isUsed = () => table.matches(":hover") || table.contains(document.activeElement);

function sort() {
  if (isUsed() || performance.now() - ordered < ORDER_MS) return;
  ordered = performance.now();
  const body = table.tBodies[0];
  const order = (row) => agents.get(row.dataset.id)?.attention ?? Number(row.dataset.attention);
  const before = [...body.rows];
  const sorted = before.map((row, index) => ({ row, index, attention: order(row) })).sort((a, b) => b.attention - a.attention || a.index - b.index);
  if (sorted.some(({ row }, index) => row !== before[index])) body.append(...sorted.map(({ row }) => row));
  for (const { row } of sorted.slice(ROWS_MAX)) {
    screen.forget(row);
    rows.delete(row.dataset.id);
    row.remove();
  }
  least = sorted[ROWS_MAX - 1]?.attention ?? -1;
  const all = [...agents.values()].filter(fits).length;
  if (all > rows.size) set("agents-shown", `the first ${count(rows.size)} of ${count(Math.max(all, Number(table.dataset.total)))}`);
}

const set = (id, text) => { const found = document.getElementById(id); if (found && text !== undefined && found.textContent !== String(text)) found.textContent = text; };

function showCounters(counters) {
  const { states = {} } = counters;
  set("c-agents", counters.agents);
  set("c-need", counters.need_a_person);
  for (const state of ["working", "waiting", "repeating", "stuck"]) set(`c-${state}`, states[state]);
  set("c-denied", counters.denied);
  set("c-spend", dollars(counters.micros_today));
  set("c-rate", dollars(counters.micros_per_minute));
  if (counters.ingest_lag_p99_micros != null) set("c-lag", seconds(counters.ingest_lag_p99_micros / 1000));
}

if (table) {
  list(table);
  const pending = new Map();
  let drawing = false;
  const draw = () => {
    drawing = false;
    let made = 0;
    for (const [id, agent] of pending) {
      const now = { ...agents.get(id), ...agent };
      agents.set(id, now);
      pending.delete(id);
      const isThere = rows.has(id);
      if (!fits(now) || !isThere && rows.size >= ROWS_MAX && now.attention <= least) continue;
      if (!isThere && (made += 1) > NEW_ROWS) { pending.set(id, agent); break; }
      const row = rowOf(now);
      if (row && isThere) screen.put(row);
    }
    sort();
    if (pending.size) request();
  };
  const request = () => { if (!drawing) { drawing = true; requestAnimationFrame(draw); } };
  live.on("fleet", ({ agents: changed = [], counters }) => {
    for (const agent of changed) pending.set(agent.id, agent);
    if (counters && !chosen.has("team")) showCounters(counters);
    // What changes several times before the screen is drawn is drawn once.
    request();
  });
  setInterval(() => {
    for (const row of screen.near) {
      const agent = agents.get(row.dataset.id);
      if (agent && !live.paused) row.cells[9].textContent = age(agent.last_seen);
    }
  }, 1000);
  // A row's first state, so that the words are not made anew for nothing.
  for (const row of table.tBodies[0].rows) {
    row.cells[0].dataset.state = row.querySelector(".st")?.className.replace(/.*st-/, "") ?? "";
    rows.set(row.dataset.id, row);
    screen.observer.observe(row);
  }
}

const ticker = document.getElementById("ticker");
if (ticker) {
  const rate = document.getElementById("ticker-rate");
  live.on("events", ({ rows = [], per_second: perSecond, one_in: oneIn }) => {
    rate.textContent = `${count(perSecond)}/s${oneIn > 1 ? `, showing 1 in ${count(oneIn)}` : ""}`;
    const made = rows.slice(-12).reverse().map((row) => {
      const line = element("li", row.outcome === "deny" || row.outcome === "blocked" ? "deny" : "",
        element("time", "mono muted", time(row.seen).slice(3, 12)),
        put(element("a", "b tr"), row.name || row.team || "–"),
        icon(kindIcon(row.kind)),
        put(element("code"), spoken(row.summary ?? row.kind, row.kind)));
      line.querySelector("a").href = `/records/${row.position}`;
      return line;
    });
    ticker.prepend(...made);
    while (ticker.children.length > 14) ticker.lastElementChild.remove();
  });
}

// The cards are the server's: they are asked for anew when an alert opens or ends.
const cards = document.getElementById("cards");
live.on("alerts", ({ alerts = [] }) => {
  const matters = alerts.some((alert) => alert.severity === "critical" || alert.severity === "high");
  if (!matters || !cards || cards.contains(document.activeElement)) return;
  const announce = document.getElementById("announce");
  const worst = alerts.find((alert) => alert.severity === "critical" && alert.status === "open");
  if (worst) {
    announce.setAttribute("aria-live", "assertive");
    announce.textContent = `Critical alert: ${worst.title ?? worst.rule}`;
  }
  for (const alert of alerts.filter((one) => one.status === "open" && (one.severity === "critical" || one.severity === "high"))) card(alert);
  for (const alert of alerts.filter((one) => one.status !== "open")) cards.querySelector(`[data-alert="${CSS.escape(alert.id)}"]`)?.remove();
});

/** As many sentences as a card has room for. */
function sentences(text) {
  if (text.length <= 190) return text;
  const cut = text.slice(0, 190);
  const end = cut.lastIndexOf(". ");
  return end > 40 ? cut.slice(0, end + 1) : `${cut.slice(0, cut.lastIndexOf(" "))}…`;
}

/** A card for an alert, before all others; there is one for each alert and four in all. */
function card(alert) {
  const role = alert.severity === "critical" ? "deny" : alert.rule.startsWith("loop.") ? "loop" : "warn";
  const open = element("a", "btn btn-ink btn-s", "Open");
  open.href = `/alerts/${encodeURIComponent(alert.id)}`;
  const acknowledge = element("button", "btn btn-s", "Acknowledge");
  Object.assign(acknowledge, { name: "action", value: "ack" });
  const form = element("form", "do", open, acknowledge, element("code", "", alert.rule));
  Object.assign(form, { method: "post", action: open.href });
  const title = element("h3", "", put(element("span"), alert.workspace_name || alert.agent || alert.workspace || alert.user || "the fleet"), " ", put(element("span", "muted"), alert.team ?? ""));
  const made = element("article", "", element("header", `b-${role}`, icon(role === "deny" ? "critical" : "high"), element("b", "cap", alert.severity), element("time", "", "now")), title, put(element("p"), defanged(sentences(alert.reason || alert.title || "")), { max: 400 }), form);
  made.dataset.alert = alert.id;
  cards.querySelector(`[data-alert="${CSS.escape(alert.id)}"]`)?.remove();
  // The worst first, of equals the newest; what waits for a person keeps its place at the end.
  const others = [...cards.querySelectorAll("article")];
  const worse = role === "deny" ? others[0] : others.find((other) => !other.querySelector(".b-deny"));
  cards.insertBefore(made, worse ?? cards.querySelector(".b-info")?.closest("article") ?? null);
  const spare = () => [...cards.children].filter((other) => !other.querySelector(".b-info")).at(-1);
  while (cards.children.length > 4) spare()?.remove();
}

// Without this page's own data there is nothing to be behind of: load it anew.
live.on("resync", ({ topics = [] }) => { if (topics.includes("fleet")) location.reload(); });
live.start(["fleet", "events"], { content: table?.dataset.content === "true" });

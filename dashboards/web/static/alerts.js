// Alerts: keys in the list and for the alert that is open; the list grows by itself when something opens or changes.
import { element, icon } from "./elements.js";
import { age, count } from "./figures.js";
import { keys, list } from "./keys.js";
import { live } from "./live.js";
import { defanged, put } from "./shown.js";

const queue = document.querySelector("[data-list]");
if (queue) list(queue);

for (const control of document.querySelectorAll(".actbar [data-key]")) {
  keys.on(control.dataset.key, () => {
    control.click();
    // What a link leads to is filled in there.
    const target = control.hash && document.querySelector(control.hash);
    const form = target?.matches("form") ? target : target?.closest(".ph")?.nextElementSibling;
    form?.querySelector("input:not([type=hidden])")?.focus();
  });
}

const detail = document.querySelector("article.detail");
const announce = document.getElementById("announce");
const changed = document.getElementById("changed");
const body = document.querySelector(".queue-table tbody");
let waits = 0;

/** A row as the server's template makes it. */
function row(alert) {
  const { who } = alert;
  const name = who.workspace_name || who.agent || who.workspace || who.user || who.team || "the fleet";
  const link = element("a", "", element("code", "", alert.rule));
  link.href = `/alerts/${encodeURIComponent(alert.id)}${location.search}`;
  const made = element("tr", alert.id === detail?.dataset.alert ? "selected" : "",
    element("td", "", element("span", `sev sev-${alert.severity}`, icon(alert.severity === "info" ? "low" : alert.severity), element("span", "cap", alert.severity))),
    element("td", "wide-text", link, put(element("p", "why"), defanged(alert.reason))),
    element("td", "", put(element("b"), name), put(element("small"), who.team ?? "")),
    element("td", "num", count(alert.count)),
    element("td", "num nw", age(alert.last_seen)),
    element("td", "nw", element("span", "cap", alert.status), put(element("small"), alert.assignee || "unassigned")));
  made.dataset.alert = alert.id;
  return made;
}

/** Asks for the list anew: the server says what matches and in which order. Whoever is in the list keeps their place. */
async function refresh() {
  const now = ++waits;
  await new Promise((done) => setTimeout(done, 400));
  if (now !== waits || !body || body.contains(document.activeElement)) return;
  const asked = new URLSearchParams(location.search);
  const filter = asked.get("filter") || queue.dataset.filter;
  const answer = await fetch(`/api/v1/alerts?${new URLSearchParams({ filter, limit: 50, ...asked.has("cursor") ? { cursor: asked.get("cursor") } : {} })}`);
  if (!answer.ok || body.contains(document.activeElement)) return;
  const { alerts } = await answer.json();
  body.replaceChildren(...alerts.map(row));
}

live.on("alerts", ({ alerts: news = [] }) => {
  if (!news.length) return;
  if (body) refresh();
  const worst = news.find((alert) => alert.severity === "critical" && alert.status === "open");
  if (worst && announce) {
    announce.setAttribute("aria-live", "assertive");
    announce.textContent = `Critical alert: ${worst.rule}`;
  }
  if (!detail || !news.some((alert) => alert.id === detail.dataset.alert)) return;
  changed.hidden = false;
  changed.querySelector("b").textContent = "This alert changed while you read it.";
});

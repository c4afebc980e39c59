// Alerts: keys in the list and for the alert that is open; the list grows by itself when something opens or changes.
import { keys, list } from "./keys.js";
import { live } from "./live.js";

const queue = document.querySelector("[data-list]");
if (queue) list(queue);

for (const control of document.querySelectorAll(".actbar [data-key]")) {
  keys.on(control.dataset.key, () => {
    control.click();
    // What a link leads to is filled in there.
    const target = control.hash && document.querySelector(control.hash);
    target?.closest("section")?.querySelector(`${control.hash} input, ${control.hash} ~ form input`)?.focus();
  });
}

const detail = document.querySelector("article.detail");
const announce = document.getElementById("announce");
const changed = document.getElementById("changed");
const seen = new Set();

/** Whether somebody reads or writes here now: the page stays as it is then, and says that there is more. */
const isUsed = () => {
  const main = document.getElementById("main");
  const typed = [...main.querySelectorAll("input:not([type=hidden]), textarea")].some((field) => field.value !== field.defaultValue);
  return typed || main.contains(document.activeElement) && document.activeElement !== main || !getSelection().isCollapsed;
};

live.on("alerts", ({ alerts: news = [] }) => {
  if (!news.length) return;
  for (const alert of news) seen.add(alert.id);
  const worst = news.find((alert) => alert.severity === "critical" && alert.status === "open");
  if (worst && announce) {
    announce.setAttribute("aria-live", "assertive");
    announce.textContent = `Critical alert: ${worst.rule}`;
  }
  // Rows are made in one place, the server's template: the page is asked for again.
  if (!isUsed()) return location.reload();
  const isOwn = detail && seen.has(detail.dataset.alert);
  changed.hidden = false;
  changed.querySelector("b").textContent = isOwn ? "This alert changed while you read it." : `${seen.size} alert${seen.size === 1 ? "" : "s"} changed.`;
});

// What every page has beyond its HTML: theme, keys, and the live stream. A page is complete without this file.
import { live } from "./live.js";
import { keys } from "./keys.js";

const themes = document.querySelector("[data-themes]");
if (themes) {
  themes.hidden = false;
  themes.addEventListener("change", (event) => {
    const theme = event.target.value;
    document.cookie = theme === "auto" ? "theme=; path=/; max-age=0; samesite=lax" : `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  });
}

// The head of the ledger and the number of open alerts, in every page.
const shown = (id, text) => {
  const element = document.getElementById(id);
  if (element && text !== undefined) element.textContent = text;
};
const thin = new Intl.NumberFormat("en-US").formatToParts ? (number) => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f") : String;
live.on("head", (head) => {
  if (head.events !== undefined) shown("head-events", `#${thin(head.events)}`);
  if (head.root) shown("head-root", head.root.slice(0, 8));
  if (head.checkpoint_age_seconds !== undefined) shown("head-age", `${head.checkpoint_age_seconds} s`);
});
live.on("alerts", (alerts) => {
  const badge = document.getElementById("alerts-open");
  if (!badge || alerts.open === undefined) return;
  badge.textContent = alerts.open;
  badge.hidden = alerts.open === 0;
});

const button = document.getElementById("live");
if (button) {
  button.hidden = false;
  const show = () => {
    button.setAttribute("aria-pressed", String(!live.paused));
    button.querySelector("use").setAttribute("href", live.paused ? "#i-play" : "#i-pause");
    button.querySelector("span").textContent = live.paused ? "Paused" : "Live";
  };
  button.addEventListener("click", () => { live.pause(!live.paused); show(); });
  keys.on(".", () => button.click());
}

// The stream was lost: say since when, and try again.
const banner = document.getElementById("connection");
if (banner) {
  live.on("state", (state) => {
    banner.hidden = state.connected;
    if (!state.connected) banner.querySelector("span").textContent = `What you see is from ${state.since}. Trying again.`;
  });
  banner.querySelector("button").addEventListener("click", () => live.retry());
}

for (const link of document.querySelectorAll("nav a[data-key]")) keys.on(`g ${link.dataset.key}`, () => link.click());
keys.on("/", () => document.getElementById("filter")?.focus());
live.start(["head", "alerts"]);

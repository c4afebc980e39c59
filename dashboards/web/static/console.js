// What every page has beyond its HTML: theme, keys, and the live stream. A page is complete without this file.
import { age, count } from "./figures.js";
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
const hex = (base64) => [...atob(base64).slice(0, 4)].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
const head = document.getElementById("head");
const CLASSES = { verified: "", tampered: "is-tampered" };
function verdict({ verdict: word, at }) {
  if (!head) return;
  head.dataset.at = word === "verified" ? at : "";
  head.className = `chip head-chip ${CLASSES[word] ?? "is-doubtful"}`;
  shown("head-verdict", word === "verified" ? `verified ${age(at)} ago` : word === "tampered" ? "Tampered" : word);
}
setInterval(() => { if (head?.dataset.at && head.classList.length === 2) shown("head-verdict", `verified ${age(head.dataset.at)} ago`); }, 5000);
live.on("head", ({ position, checkpoint, verification }) => {
  if (position) shown("head-events", `#${count(Number(position.split("/").pop()) + 1)}`);
  if (checkpoint?.root) shown("head-root", hex(checkpoint.root));
  if (verification) verdict(verification);
});
live.on("alerts", ({ open }) => {
  const badge = document.getElementById("alerts-open");
  if (!badge || !open) return;
  const sum = Object.values(open).reduce((all, severity) => all + severity, 0);
  badge.textContent = sum;
  badge.hidden = sum === 0;
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
  let isOut = false;
  live.on("state", (state) => {
    banner.hidden = state.connected;
    if (state.connected) return;
    isOut = Boolean(state.isOut);
    banner.querySelector("b").textContent = isOut ? "Your session ended." : "Live stream lost.";
    banner.querySelector("span").textContent = `What you see is from ${state.since}.${isOut ? "" : " Trying again."}`;
    banner.querySelector("button").textContent = isOut ? "Log in" : "Try now";
  });
  banner.querySelector("button").addEventListener("click", () => isOut ? location.reload() : live.retry());
}

for (const link of document.querySelectorAll("nav a[data-key]")) keys.on(`g ${link.dataset.key}`, () => link.click());
keys.on("/", () => document.getElementById("filter")?.focus());
// A stream with a topic that somebody may not read is refused as a whole.
live.start(banner?.dataset.topics.split(" ") ?? []);

// What scrolls can be reached by the keyboard, and moved by its arrows.
const scrolls = [...document.querySelectorAll(".scroll:not([tabindex]), pre")];
const reachable = () => {
  for (const element of scrolls) {
    if (element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  }
};
reachable();
addEventListener("resize", reachable);

// A picture of numbers becomes one that tells them at the cursor. The library for it comes only where there is one.
if (document.querySelector("[data-chart]")) import("./chart.js");

// Keys: single letters act only while nothing is being typed, and can be turned off (WCAG 2.2, 2.1.4).

const actions = new Map();
let prefix = "";

const typing = (target) => target instanceof HTMLElement && (target.isContentEditable || /^(input|select|textarea)$/i.test(target.tagName));

export const keys = {
  get off() { return localStorage.getItem("keys") === "off"; },
  turn(on) { localStorage.setItem("keys", on ? "on" : "off"); },
  /** Does `action` when the key, or `g` and the key, is pressed. */
  on(key, action) { actions.set(key, action); },
};

document.addEventListener("keydown", (event) => {
  // Whoever used the key already, such as a list that Escape closed.
  if (event.defaultPrevented) return;
  // What is typed into may stand in a shadow root, whose host the event names as its target.
  const [target] = event.composedPath();
  if (event.key === "Escape" && typing(target)) { target.blur(); return; }
  if (keys.off || typing(target) || event.ctrlKey || event.metaKey || event.altKey) return;
  const pressed = prefix + event.key;
  const action = actions.get(pressed);
  prefix = !prefix && event.key === "g" ? "g " : "";
  if (!action) return;
  event.preventDefault();
  action();
});

/** Moves through the rows of a list with j and k, opens one with Enter, and copies its address with y. */
export function list(container, { selector = "tbody tr", open } = {}) {
  const rows = () => [...container.querySelectorAll(selector)].filter((row) => row.querySelector("a"));
  const links = () => rows().map((row) => row.querySelector("a"));
  const move = (step) => {
    const all = links();
    const at = all.indexOf(document.activeElement);
    const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step))];
    next?.focus();
    next?.closest("tr")?.scrollIntoView({ block: "nearest" });
  };
  keys.on("j", () => move(1));
  keys.on("k", () => move(-1));
  keys.on("y", () => {
    const link = links().includes(document.activeElement) ? document.activeElement.href : location.href;
    navigator.clipboard?.writeText(link);
  });
  if (open) container.addEventListener("click", open);
}

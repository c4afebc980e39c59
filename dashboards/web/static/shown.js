// Recorded text in the page: only ever as text, characters that cannot be seen as boxes, hosts so that nothing takes them for links.
// The same rules as src/shown.rs; the tests of both read web/shown.json.

const NAMES = { 0x0a: "LF", 0x0d: "CR", 0x09: "TAB", 0: "NUL", 7: "BEL", 8: "BS", 0x1b: "ESC", 0x7f: "DEL", 0xad: "SHY", 0x200b: "ZWSP", 0x200c: "ZWNJ", 0x200d: "ZWJ", 0x200e: "LRM", 0x200f: "RLM", 0x202a: "LRE", 0x202b: "RLE", 0x202c: "PDF", 0x202d: "LRO", 0x202e: "RLO", 0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0xfeff: "BOM" };
/** One character that nobody sees, or that changes how others look. */
export const HIDDEN = /[\p{Cc}\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{e0000}-\u{e0fff}]/u;

/** What stands in the box of such a character. */
export const name = (code) => {
  if (NAMES[code]) return NAMES[code];
  if (code >= 0xe0021 && code <= 0xe007e) return `TAG ${String.fromCharCode(code - 0xe0000)}`;
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
};

/** The pieces of a text: plain runs, and boxes in place of what cannot be seen. */
export function pieces(text, { max = 240, block = false } = {}) {
  const found = [];
  let plain = "";
  let used = 0;
  const all = [...text];
  for (let at = 0; at < all.length; at += 1) {
    if (used === max) {
      if (plain) found.push({ text: plain });
      found.push({ cut: all.length - at });
      return found;
    }
    used += 1;
    const character = all[at];
    if (!HIDDEN.test(character) || (block && (character === "\n" || character === "\t"))) { plain += character; continue; }
    let run = 1;
    while (all[at + run] === character) run += 1;
    at += run - 1;
    if (plain) found.push({ text: plain });
    plain = "";
    found.push({ box: name(character.codePointAt(0)) + (run > 1 ? ` ×${run}` : "") });
  }
  if (plain) found.push({ text: plain });
  return found;
}

/** Puts a text into an element, in place of what was there. */
export function put(element, text, options) {
  element.replaceChildren(...pieces(text ?? "", options).map((piece) => {
    if (piece.text !== undefined) return document.createTextNode(piece.text);
    const span = document.createElement("span");
    span.className = piece.box === undefined ? "cut" : "cp";
    span.textContent = piece.box ?? `… ${piece.cut} more characters`;
    return span;
  }));
  return element;
}

// The top-level domains that are met most; the server knows all of them.
const TOP = new Set("com org net info biz dev app io ai cloud site online xyz top shop store tech page link live space website club icu work example test invalid local internal edu gov mil int arpa name pro mobi agency digital network systems run sh zip mov click download stream email host fun art blog news world today life vip wang win bid loan men party review science trade webcam date racing accountant cricket faith gdn".split(" "));
const ENDINGS = new Set("rs py sh env md json toml yaml yml lock txt csv tsx ts js jsx css html go java sql rb cpp log ini cfg xml".split(" "));

function withoutAddress(word) {
  const trimmed = word.replace(/\.+$/, "");
  const dot = trimmed.lastIndexOf(".");
  if (dot < 1 || trimmed[0] === ".") return word;
  const last = trimmed.slice(dot + 1);
  const isName = (TOP.has(last.toLowerCase()) || /^[a-z]{2}$/i.test(last) || /[^\p{ASCII}]/u.test(last)) && /^\p{Alphabetic}+$/u.test(last) && !ENDINGS.has(last);
  const isNumbers = /^(\d{1,3}\.){3}\d{1,3}$/.test(word) && word.split(".").every((part) => Number(part) < 256);
  return isName || isNumbers || last.startsWith("xn--") ? `${trimmed.slice(0, dot)}[.]${last}${word.slice(trimmed.length)}` : word;
}

/** A text in which no host looks like an address to go to. */
export function defanged(text) {
  let shown = "";
  let inPath = false;
  let rest = text ?? "";
  while (rest) {
    const [word] = rest.match(/^[\p{Alphabetic}\p{N}._-]*/u);
    const after = rest.slice(word.length);
    if ((word === "http" || word === "https") && after.startsWith("://")) shown += word.replace("tt", "xx");
    else shown += inPath ? word : withoutAddress(word);
    const [sign = ""] = after;
    rest = after.slice(sign.length);
    inPath = sign === "/" && !/[/:]$/.test(shown) && !rest.startsWith("/");
    shown += sign;
  }
  return shown;
}

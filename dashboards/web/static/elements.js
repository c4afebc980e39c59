// Elements that modules make: their text is only ever text. What an event brought is put into them by shown.js.

const SVG = "http://www.w3.org/2000/svg";

/** An element with a class, unless that is empty, and with children, whose texts stay texts. */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** An element of a picture. */
export function svg(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** One of the icons that every page brings. */
export function icon(name) {
  const made = svg("svg", { class: "ic", "aria-hidden": "true" });
  made.append(svg("use", { href: `#i-${name}` }));
  return made;
}

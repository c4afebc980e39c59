// Charts that tell their values at the cursor, over the pictures that the server drew. Numbers and words come from the table beside each
// picture, in which the server wrote them; without this file, and on paper, the picture stands.
import { element } from "./elements.js";
import { bytes, count, dollars, duration, short } from "./figures.js";
import uPlot from "./vendor/uplot.js";

/** Bars from which on it helps to look at a part of them. */
const BARS_TO_ZOOM = 24;
/** The room that one label of the lower axis needs, in pixels. */
const LABEL_PIXELS = 90;

const forced = matchMedia("(forced-colors: active)");
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Roles of colours, as a canvas takes them: it knows no custom properties. */
function palette(figure) {
  const probe = element("i", "");
  figure.append(probe);
  const resolve = (name, system) => {
    probe.style.color = forced.matches ? system : `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    ink: resolve("ink", "CanvasText"), muted: resolve("muted", "CanvasText"), axis: resolve("line", "GrayText"), bar: resolve("d2", "CanvasText"),
    band: resolve("fill-2", "GrayText"), cone: resolve("warn-bg", "GrayText"), warn: resolve("warn", "LinkText"), deny: resolve("deny", "LinkText"), surface: resolve("surface", "Canvas"),
  };
  probe.remove();
  return found;
}

/** A number of a unit, as an axis has room for it. */
function amount(value, unit) {
  if (unit === "micro_usd") return `$${value === 0 || Math.abs(value) >= 1e7 ? count(Math.round(value / 1e6)) : dollars(value)}`;
  if (unit === "bytes") return bytes(value);
  if (unit === "seconds") return duration(value);
  if (unit === "percent") return `${value} %`;
  if (Math.abs(value) >= 1e4) return short(Math.round(value));
  if (Math.abs(value) >= 1e3) return count(Math.round(value));
  return String(Number(value.toPrecision(6)));
}

const clock = (seconds) => new Date(seconds * 1e3).toISOString().slice(11, 16);
const day = (seconds) => new Date(seconds * 1e3).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

/** What a cell shows, boxes of unseen characters too, but nothing to click. */
const shown = (cell) => [...cell.childNodes].map((node) => node instanceof HTMLAnchorElement ? node.textContent : node.cloneNode(true));

/** The number in a cell, or null. */
function number(cell) {
  const text = cell?.querySelector("data")?.value ?? cell?.textContent ?? "";
  return text.trim() === "" || Number.isNaN(Number(text)) ? null : Number(text);
}

/** The rows of the table, and its columns of numbers. */
function read(figure) {
  const table = document.getElementById(figure.dataset.chart);
  const rows = [...table.tBodies[0].rows];
  const at = Number(figure.dataset.label ?? 0);
  const columns = figure.dataset.values.split(" ").map(Number);
  // Names that stand between the first and the number tell rows apart that have the first in common.
  const between = figure.dataset.kind === "bars" ? [...Array(Math.max(0, columns[0] - at - 1)).keys()].map((index) => at + 1 + index) : [];
  const told = [...between, ...columns.toSorted((a, b) => a - b)].map((column) => {
    const head = table.tHead.rows[0].cells[column].cloneNode(true);
    head.querySelector("small")?.remove();
    return { column, head };
  });
  const isTime = figure.dataset.kind === "course";
  return {
    rows, words: told, at,
    x: rows.map((row, index) => isTime ? Date.parse(row.cells[at].querySelector("time").dateTime) / 1e3 : index),
    values: columns.map((column) => rows.map((row) => number(row.cells[column]))),
  };
}

/** What is drawn beside the series: the usual range, a limit, and the last value. */
function drawn({ dataset }, colours, { x, values }) {
  const [low, high, limit] = [dataset.low, dataset.high, dataset.limit].map((text) => text === undefined ? null : Number(text));
  const last = values[0].findLastIndex((value) => value !== null);
  return {
    numbers: [low, high, limit].filter((value) => value !== null),
    below({ ctx, bbox, valToPos }) {
      if (low === null) return;
      const top = valToPos(high, "y", true);
      ctx.fillStyle = colours.band;
      ctx.fillRect(bbox.left, top, bbox.width, Math.max(2, valToPos(low, "y", true) - top));
    },
    above({ ctx, bbox, valToPos }) {
      ctx.save();
      if (limit !== null) {
        const y = Math.round(valToPos(limit, "y", true));
        ctx.strokeStyle = colours.warn;
        ctx.lineWidth = devicePixelRatio;
        ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
        ctx.fillStyle = colours.muted;
        ctx.textAlign = "left";
        ctx.textBaseline = "bottom";
        ctx.fillText(dataset.limitWords, bbox.left + 4 * devicePixelRatio, y - 2 * devicePixelRatio);
      }
      const [left, top] = [valToPos(x[last], "x", true), valToPos(values[0][last], "y", true)];
      if (dataset.kind !== "bars" && left >= bbox.left && left <= bbox.left + bbox.width) {
        ctx.fillStyle = dataset.kind === "points" ? colours.deny : colours.ink;
        ctx.beginPath();
        ctx.arc(left, top, 3.5 * devicePixelRatio, 0, 2 * Math.PI);
        ctx.fill();
      }
      ctx.restore();
    },
  };
}

/** The series of each kind of chart; the course of spending has its forecast behind it. */
function series(kind, colours, total) {
  const line = { stroke: colours.ink, width: 1.5, points: { show: false } };
  if (kind === "bars") return { of: [{ stroke: colours.bar, fill: colours.bar, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.86, 80] }) }] };
  if (kind === "points") return { of: [line] };
  const edge = { stroke: "transparent", width: 0, points: { show: false } };
  const expected = { stroke: colours.warn, width: 1.25, dash: [4, 3], points: { show: false } };
  // The range is filled when its upper end is drawn, so what is expected comes after it.
  return { of: [line, edge, edge, expected].slice(0, total), bands: total === 4 ? [{ series: [3, 2], fill: colours.cone }] : [] };
}

class Chart {
  constructor(figure) {
    Object.assign(this, { figure, ...read(figure) });
    this.kind = figure.dataset.kind;
    const picture = figure.querySelector("svg");
    this.plot = element("div", "plot");
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "img");
    this.plot.setAttribute("aria-label", picture.getAttribute("aria-label"));
    this.told = element("p", "told");
    this.whole = element("button", "btn btn-s", "Whole range");
    this.whole.type = "button";
    this.whole.hidden = true;
    this.whole.addEventListener("click", () => this.zoom(...this.ends));
    const pad = this.kind === "course" ? 0 : this.kind === "bars" ? 0.5 : 0.02 * this.x.length;
    const { from, until } = figure.dataset;
    this.ends = from ? [from, until].map((moment) => Date.parse(moment) / 1e3) : [-pad, this.x.length - 1 + pad];
    this.isZoomed = false;
    this.canZoom = this.kind === "course" || (this.kind === "bars" && this.x.length > BARS_TO_ZOOM);
    picture.before(element("div", "readout", this.told, this.whole), this.plot);
    figure.classList.add("is-live");
    this.draw();
    this.plot.addEventListener("keydown", (event) => this.key(event));
    this.plot.addEventListener("blur", () => this.point(null));
    new ResizeObserver(() => this.chart.setSize(this.size())).observe(this.plot);
  }

  size() { return { width: Math.max(200, this.plot.clientWidth), height: this.plot.clientHeight }; }

  /** Draws it, again when colours change. */
  draw() {
    const colours = palette(this.figure);
    const extra = drawn(this.figure, colours, this);
    const all = [...this.values.flat().filter((value) => value !== null), ...extra.numbers];
    const [bottom, top] = [Math.min(0, ...all), Math.max(...all, 0)];
    const font = `11px ${getComputedStyle(this.figure).fontFamily}`;
    const axis = { stroke: colours.muted, font, ticks: { show: false }, grid: { stroke: colours.axis, width: 1 } };
    const { of, bands = [] } = series(this.kind, colours, this.values.length);
    const [min, max] = this.chart ? [this.chart.scales.x.min, this.chart.scales.x.max] : this.ends;
    this.chart?.destroy();
    this.chart = new uPlot({
      ...this.size(), padding: [10, 30, 0, 0], legend: { show: false }, bands,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
      scales: { x: { time: this.kind === "course", range: (_, from, until) => [from, until] }, y: { range: () => [bottom, bottom + (top - bottom || 1) * 1.06] } },
      series: [{}, ...of],
      axes: [
        { ...axis, grid: { show: false }, size: 24, gap: 4, ...this.lower() },
        { ...axis, size: 58, gap: 6, space: 44, values: (_, splits) => splits.map((value) => amount(value, this.figure.dataset.unit)) },
      ],
      cursor: {
        y: false, move: (chart, left, top) => [this.snapped(chart, left), top], drag: { x: this.canZoom, y: false, dist: 5 }, points: { size: 7, show: this.kind !== "bars" },
        bind: { dblclick: () => () => { this.zoom(...this.ends); return null; } },
      },
      hooks: {
        drawClear: [(chart) => extra.below(chart)],
        draw: [(chart) => extra.above(chart)],
        setCursor: [({ cursor }) => this.say(cursor.idx)],
        setScale: [(chart, key) => {
          if (key !== "x") return;
          const { min: from, max: until } = chart.scales.x;
          this.isZoomed = until - from < (this.ends[1] - this.ends[0]) * 0.999;
          this.whole.hidden = !this.isZoomed;
        }],
      },
    }, [this.x, ...this.values], this.plot);
    this.chart.setScale("x", { min, max });
    this.say(null);
  }

  /** The cursor stands on a value and not between two, but a part of the picture is marked as it is dragged. */
  snapped(chart, left) {
    if (left < 0 || chart.cursor.event?.buttons === 1) return left;
    return chart.valToPos(this.x[chart.posToIdx(left)], "x");
  }

  /** The labels below: moments, or names of rows as far as there is room. */
  lower() {
    if (this.kind === "course") {
      const isDay = this.ends[1] - this.ends[0] <= 86_400;
      return { space: 64, values: (_, splits, axis, space, step) => splits.map((at) => step < 86_400 && (isDay || at % 86_400) ? clock(at) : day(at)) };
    }
    const splits = (chart, axis, from, until) => {
      const step = Math.max(1, Math.ceil((until - from) / (chart.over.clientWidth / LABEL_PIXELS)));
      const found = [];
      for (let at = Math.max(0, Math.ceil(from)); at <= Math.min(this.x.length - 1, until); at += step) found.push(at);
      return found;
    };
    return { splits, values: (_, found) => found.map((at) => this.label(at)) };
  }

  /** The name of a row, short. */
  label(at) {
    const text = this.rows[at]?.cells[this.at].textContent.trim() ?? "";
    if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)) return `${day(Date.parse(text) / 1e3)} ${clock(Date.parse(text) / 1e3)}`;
    const all = [...text];
    return all.length > 14 ? `${all.slice(0, 13).join("")}…` : text;
  }

  /** Tells the values of one row in the words of the table, or what can be done. */
  say(index) {
    const row = index === null || index === undefined ? null : this.rows[index];
    const told = row && [
      element("b", "", ...shown(row.cells[this.at])),
      ...this.words.filter(({ column }) => row.cells[column]?.textContent.trim()).map(({ column, head }) => element("span", "", ...shown(head), " ", element("b", "", ...shown(row.cells[column])))),
    ];
    const hint = this.canZoom ? "Point at it, or use the arrow keys, for values; drag or + for a part of it." : "Point at it, or use the arrow keys, for values.";
    this.told.replaceChildren(...told ?? [element("span", "muted", hint)]);
  }

  zoom(from, until) { this.chart.setScale("x", { min: Math.max(from, this.ends[0]), max: Math.min(until, this.ends[1]) }); }

  /** Puts the cursor on a row. */
  point(index) {
    this.pointed = index;
    const { chart } = this;
    if (index === null) { chart.setCursor({ left: -10, top: -10 }); this.say(null); return; }
    chart.setCursor({ left: chart.valToPos(this.x[index], "x"), top: chart.over.clientHeight / 2 });
    this.say(index);
    const announce = document.getElementById("announce");
    if (announce) announce.textContent = [...this.told.children].map((part) => part.textContent).join(", ");
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { min, max } = this.chart.scales.x;
    const seen = this.x.map((at, index) => at >= min && at <= max ? index : -1).filter((index) => index >= 0);
    if (!seen.length) return;
    const now = seen.indexOf(this.pointed ?? this.chart.cursor.idx ?? -1);
    const move = (to) => this.point(seen[Math.max(0, Math.min(seen.length - 1, to))]);
    const scale = (factor) => {
      const middle = now < 0 ? (min + max) / 2 : this.x[seen[now]];
      const half = (max - min) * factor / 2;
      this.zoom(middle - half, middle + half);
    };
    const actions = {
      ArrowLeft: () => move(now < 0 ? seen.length - 1 : now - 1), ArrowRight: () => move(now < 0 ? 0 : now + 1), Home: () => move(0), End: () => move(seen.length - 1),
      Escape: () => this.point(null),
      ...this.canZoom ? { "+": () => scale(0.5), "=": () => scale(0.5), "-": () => scale(2), 0: () => this.zoom(...this.ends) } : {},
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }
}

const sheet = document.createElement("link");
sheet.rel = "stylesheet";
sheet.href = new URL("./vendor/uplot.css", import.meta.url).href;
await new Promise((done) => {
  for (const name of ["load", "error"]) sheet.addEventListener(name, done);
  document.head.append(sheet);
});

const figures = [...document.querySelectorAll("[data-chart]")].filter((figure) => document.getElementById(figure.dataset.chart));
const charts = figures.map((figure) => new Chart(figure));
const again = () => { for (const chart of charts) chart.draw(); };
for (const query of [forced, dark]) query.addEventListener("change", again);
new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });

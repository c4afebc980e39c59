// All records of a session as one list, of which only what is near the screen is there. The index says how many there are, in which lane,
// and where; rows come from the server in blocks, as it makes them without this file.
import { json, part } from "./parts.js";

const BLOCK = 100;
const ROW = 28;
/** Blocks that stay when they are out of sight. */
const KEPT = 12;
/** Blocks that are asked for at once, */
const AT_ONCE = 2;
/** once the list has rested for so many milliseconds: what only flies by is not asked for. */
const REST_MS = 60;
/** When a block is asked for again that did not come. */
const AGAIN_MS = 2_000;

export class Records {
  constructor(container, { session, began }) {
    this.container = container;
    this.path = `/sessions/${encodeURIComponent(session)}`;
    this.api = `/api/v1/sessions/${encodeURIComponent(session)}/records`;
    this.began = began;
    this.kinds = new Set();
    this.blocks = [];
    this.decorate = () => {};
    this.near = new Set();
    this.asked = 0;
    this.observer = new IntersectionObserver((entries) => this.seen(entries), { root: container, rootMargin: "900px 0px" });
  }

  /** Reads the index. */
  async start() {
    const index = await json(`${this.api}?index=true`);
    let [seq, time] = [0, 0];
    this.seq = index.seq.map((step) => (seq += step));
    this.time = index.time.map((step) => (time += step));
    this.lane = index.lane;
    this.outcome = index.outcome;
    this.lanes = index.lanes;
    this.outcomes = index.outcomes;
    this.isCut = index.is_cut;
    this.places = undefined;
  }

  get length() { return this.seq.length; }

  place(at) { return `${this.time[at]}.${this.seq[at]}`; }

  /** The number in the session of the record at a position. */
  find(position) {
    this.places ??= new Map(this.seq.map((seq, at) => [seq, at]));
    return this.places.get(Number(position.split("/").pop())) ?? -1;
  }

  /** The first record at or after a moment in microseconds. */
  after(moment) {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.time[middle] < moment) low = middle + 1; else high = middle;
    }
    return low;
  }

  /** The next record for which this holds, in the direction of `step`. */
  next(from, step, holds) {
    for (let at = from + step; at >= 0 && at < this.length; at += step) if (holds(at)) return at;
    return -1;
  }

  isDenied(at) { return ["deny", "blocked"].includes(this.outcomes[this.outcome[at]]); }

  /** Makes the list anew: records of the lanes in `kinds`, or all. */
  layout() {
    const wanted = new Set(this.lanes.flatMap((word, number) => this.kinds.has(word) ? [number] : []));
    this.order = wanted.size ? [...this.seq.keys()].filter((at) => wanted.has(this.lane[at])) : undefined;
    this.observer.disconnect();
    for (const block of this.near) block.abort?.abort();
    this.near.clear();
    this.blocks = [];
    const count = this.order?.length ?? this.length;
    for (let first = 0; first < count; first += BLOCK) this.blocks.push(this.block(first, Math.min(count, first + BLOCK)));
    this.container.replaceChildren(...this.blocks.map((block) => block.element));
    for (const block of this.blocks) this.observer.observe(block.element);
  }

  block(first, end) {
    const element = document.createElement("div");
    element.className = "log-block";
    element.style.height = `${(end - first) * ROW}px`;
    const block = { element, first, end, fold: true, used: 0 };
    element.block = block;
    return block;
  }

  at(number) { return this.order ? this.order[number] : number; }

  seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const { block } = target;
      if (isIntersecting) this.near.add(block);
      else { this.near.delete(block); block.abort?.abort(); }
    }
    this.rest();
    const far = this.blocks.filter((block) => block.loaded && !this.near.has(block)).sort((a, b) => b.used - a.used);
    for (const block of far.slice(KEPT)) this.unload(block);
  }

  /** Brings what is near in a moment. */
  rest(after = REST_MS) {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.bring(), after);
  }

  /** Asks for the blocks that are near, what is on the screen first. */
  bring() {
    const [top, now] = [this.container.scrollTop + this.container.clientHeight / 2, performance.now()];
    const distance = ({ element }) => Math.abs(element.offsetTop - this.container.offsetTop + element.offsetHeight / 2 - top);
    const waiting = [...this.near].filter((block) => !block.loading).map((block) => [distance(block), block]).sort(([a], [b]) => a - b);
    for (const [, block] of waiting) {
      if (block.again > now) { this.rest(block.again - now); continue; }
      if (this.asked >= AT_ONCE) return;
      this.asked += 1;
      block.abort = new AbortController();
      this.load(block, block.abort.signal)
        .catch(() => { if (this.near.has(block)) block.again = performance.now() + AGAIN_MS; })
        .finally(() => { block.abort = undefined; this.asked -= 1; this.bring(); });
    }
  }

  /** Brings a block's rows. Without a signal somebody waits for them: then they are not given up when they leave the screen. */
  load(block, signal) {
    if (!signal) block.abort = undefined;
    block.used = performance.now();
    block.loading ??= this.rows(block, signal).catch((error) => { block.loading = undefined; throw error; });
    return block.loading;
  }

  async rows(block, signal) {
    const [first, last] = [this.at(block.first), this.at(block.end - 1)];
    const isLast = block.end === (this.order?.length ?? this.length);
    const parameters = new URLSearchParams({ cursor: first > 0 ? this.place(first - 1) : `${this.time[0] - 1}.0`, began: this.began });
    if (!isLast) parameters.set("before", last + 1 < this.length ? this.place(last + 1) : `${this.time[last] + 1}.0`);
    if (this.kinds.size) parameters.set("kinds", [...this.kinds].join());
    if (!block.fold) parameters.set("fold", "false");
    const body = await part(`${this.path}/rows?${parameters}`, signal);
    const table = body.querySelector("table");
    block.element.style.height = "";
    block.element.replaceChildren(table);
    block.loaded = true;
    this.decorate(table);
  }

  unload(block) {
    block.element.style.height = `${block.element.offsetHeight}px`;
    block.element.replaceChildren();
    block.loaded = false;
    block.loading = undefined;
  }

  /** Shows repeats one by one in the block of a row. */
  async unfold(row) {
    const { block } = row.closest(".log-block");
    const position = row.dataset.position;
    block.fold = false;
    block.loading = undefined;
    await this.load(block);
    return this.row(position);
  }

  row(position) { return this.container.querySelector(`tr[data-position="${CSS.escape(position)}"]`); }

  /** The block of the record with this number in the session, or of the one after it if it is not in the list. */
  blockOf(at) {
    let number = at;
    if (this.order) {
      number = this.order.findIndex((other) => other >= at);
      if (number < 0) number = this.order.length - 1;
    }
    return this.blocks[Math.floor(number / BLOCK)];
  }

  /** Brings the record with this number into view, and returns its row, which may stand for several alike. */
  async show(at, where = "center") {
    const row = await this.reach(at, where);
    await this.settle(row, where);
    return row;
  }

  /** The same as soon as the row is there: what comes above it may still move it. */
  async reach(at, where = "center") {
    const block = this.blockOf(at);
    if (!block) return null;
    if (!block.loaded) this.container.scrollTop = block.element.offsetTop - this.container.offsetTop;
    await this.load(block);
    const rows = [...block.element.querySelectorAll("tr[data-position]")];
    const row = this.row(`events/0/${this.seq[at]}`) ?? rows.findLast((other) => Number(other.dataset.at) <= this.time[at]) ?? rows[0];
    this.scroll(row, where);
    return row;
  }

  /** What comes above a row changes the height of what was there: it is brought into view once more when that has come, unless somebody
      scrolled meanwhile. */
  async settle(row, where) {
    const before = this.container.scrollTop;
    await Promise.allSettled([...this.near].map((other) => this.load(other)));
    if (Math.abs(this.container.scrollTop - before) < ROW) this.scroll(row, where);
  }

  scroll(row, where) {
    if (!row) return;
    const [outer, inner] = [this.container.getBoundingClientRect(), row.getBoundingClientRect()];
    if (where === "nearest" && inner.top >= outer.top && inner.bottom <= outer.bottom) return;
    const offset = where === "start" ? 0 : (outer.height - inner.height) / 2;
    this.container.scrollTop += inner.top - outer.top - offset;
  }

  /** Asks for what came after the last record that is known. Returns how many came. */
  async grow() {
    const last = this.length - 1;
    const answer = await json(`${this.api}?limit=1000&cursor=${this.place(last)}`);
    const records = answer.records.filter((record) => record.row === "record");
    for (const record of records) {
      const [time, seq] = record.cursor.split(".").map(Number);
      this.time.push(time);
      this.seq.push(seq);
      this.lane.push(this.lanes.indexOf(record.lane));
      this.outcome.push(Math.max(0, this.outcomes.indexOf(record.outcome ?? "")));
      this.places?.set(seq, this.length - 1);
      if (this.order && this.kinds.has(record.lane)) this.order.push(this.length - 1);
    }
    if (records.length) this.extend();
    return records.length;
  }

  /** Gives new records their place at the end. */
  extend() {
    const count = this.order?.length ?? this.length;
    const last = this.blocks.at(-1);
    if (last && last.end < count && last.end - last.first < BLOCK) {
      last.end = Math.min(count, last.first + BLOCK);
      last.loading = undefined;
      if (this.near.has(last)) this.rest(); else { last.loaded = false; last.element.replaceChildren(); last.element.style.height = `${(last.end - last.first) * ROW}px`; }
    }
    for (let first = this.blocks.at(-1)?.end ?? 0; first < count; first += BLOCK) {
      const block = this.block(first, Math.min(count, first + BLOCK));
      this.blocks.push(block);
      this.container.append(block.element);
      this.observer.observe(block.element);
    }
  }
}

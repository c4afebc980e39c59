// The frame in the picture of a whole session: dragged, drawn anew, moved and zoomed.

export class Brush {
  /** `whole` and `frame` are in microseconds; `changed` is called with the frame when somebody lets go. */
  constructor(svg, whole, frame, changed) {
    Object.assign(this, { svg, whole, frame, changed });
    this.rect = svg.querySelector(".frame");
    svg.addEventListener("pointerdown", (event) => this.down(event));
    svg.addEventListener("pointermove", (event) => this.move(event));
    svg.addEventListener("pointerup", (event) => this.up(event));
    // Links below do the same without this file.
    svg.addEventListener("click", (event) => event.preventDefault());
    svg.addEventListener("dragstart", (event) => event.preventDefault());
  }

  get width() { return Math.max(1, this.whole.until - this.whole.from); }

  // A picture has no width of its own that scripts may ask for.
  get pixels() { return Math.max(1, this.svg.getBoundingClientRect().width); }

  moment(event) {
    const box = this.svg.getBoundingClientRect();
    return this.whole.from + Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.width;
  }

  down(event) {
    if (event.button !== 0) return;
    const at = this.moment(event);
    const reach = this.width * 6 / this.pixels;
    const { from, until } = this.frame;
    // A frame around everything can go nowhere: dragging makes a new one.
    const isAll = until - from > this.width * 0.98;
    const edge = isAll ? undefined : Math.abs(at - from) < reach ? "from" : Math.abs(at - until) < reach ? "until" : undefined;
    this.drag = { at, start: { ...this.frame }, edge, inside: !isAll && at > from && at < until, moved: false };
    this.svg.setPointerCapture(event.pointerId);
  }

  move(event) {
    if (!this.drag) return;
    const { at, start, edge, inside } = this.drag;
    const now = this.moment(event);
    if (Math.abs(now - at) * this.pixels / this.width > 3) this.drag.moved = true;
    if (!this.drag.moved) return;
    if (edge) this.set({ ...start, [edge]: now });
    else if (inside) this.set(this.within(start.from + now - at, start.until - start.from));
    else this.set({ from: Math.min(at, now), until: Math.max(at, now) });
  }

  up() {
    if (!this.drag) return;
    const { at, moved } = this.drag;
    this.drag = undefined;
    const length = this.frame.until - this.frame.from;
    if (!moved) this.set(this.within(at - length / 2, length));
    this.changed(this.frame);
  }

  within(from, length) {
    const kept = Math.min(length, this.width);
    const start = Math.min(Math.max(from, this.whole.from), this.whole.until - kept);
    return { from: start, until: start + kept };
  }

  set({ from, until }) {
    const [low, high] = [Math.min(from, until), Math.max(from, until)];
    this.frame = { from: Math.round(low), until: Math.round(Math.max(high, low + Math.min(1e6, this.width))) };
    this.rect.setAttribute("x", `${(this.frame.from - this.whole.from) / this.width * 100}%`);
    this.rect.setAttribute("width", `${Math.max(0.4, (this.frame.until - this.frame.from) / this.width * 100)}%`);
  }

  /** What a key does: moves by half a frame, zooms, or shows everything. */
  press(key) {
    const { from, until } = this.frame;
    const length = until - from;
    const middle = (from + until) / 2;
    const zoomed = (times) => { const next = Math.min(this.width, Math.max(1e6, length * times)); return this.within(middle - next / 2, next); };
    if (key === "[") this.set(this.within(from - length / 2, length));
    else if (key === "]") this.set(this.within(from + length / 2, length));
    else if (key === "-") this.set(zoomed(2));
    else if (key === "+") this.set(zoomed(0.5));
    else this.set(this.whole);
    this.changed(this.frame);
  }
}

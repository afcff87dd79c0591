// The hand that draws and edits marks of one group: press, drag, let go; clicks for the corners of a polygon.
import { handlesOn } from "./ink.js";
import { CLOSED, drawn, moved, nearness, shapeOn } from "./shapes.js";

const GRAB = 9; // CSS pixels around a handle
const NEAR = 7; // ... and around a line
const DRAG = 3; // below it a press was a click
const PLAIN_SIZE = 14; // CSS pixels of a shape that was only clicked

export class Hand {
  // `kind()` is the shape to be drawn, "" to only select; `made(mark)` when one is finished; `drawAnew`: a press beside
  // all marks draws one. `more()` lends a new mark its colours.
  constructor(marks, group, { kind, made = () => {}, more = () => ({}), full = () => {} }) {
    Object.assign(this, { marks, group, kind, made, more, full });
    this.held = null; // {mark, image, act(x, y) -> shape, from, seen}
    this.corners = null; // of the polygon under way: {image, points}
  }

  get busy() {
    return Boolean(this.held || this.corners);
  }

  // The shape under way, on an image.
  draft(image) {
    if (!this.corners || this.corners.image !== image) return null;
    return { kind: "line", points: this.corners.points, sizes: [], angle: 0 };
  }

  drop() {
    this.held = null;
    this.corners = null;
  }

  pointer(what, cell, at) {
    if (what === "down") return this.#down(cell, at);
    if (what === "move") return this.#move(cell, at);
    if (what === "up") return this.#up(cell, at);
    if (what === "double") return this.#close() || this.kind() !== "";
    return false;
  }

  // The mark at a place: of several the smallest.
  at(cell, px, py) {
    let best = null;
    for (const [mark, shape] of this.marks.on(cell.image, this.group)) {
      const { far, inside, size } = nearness(cell, shape, px, py);
      if (far > NEAR && !inside) continue;
      if (!best || size < best.size) best = { mark, shape, size };
    }
    return best;
  }

  #down(cell, { px, py, x, y }) {
    if (!cell || !cell.image.ready) return false;
    const kind = this.kind();
    const { current } = this.marks;
    if (current?.group === this.group && !this.marks.hidden.has(this.group) && !this.corners) {
      const shape = shapeOn(current, cell.image);
      const grip = shape && handlesOn(cell, shape).find((one) => Math.hypot(one.px - px, one.py - py) <= GRAB);
      if (grip) return this.#hold(current, cell, grip.move, [px, py]);
    }
    if (kind === "polygon") return this.#corner(cell, x, y, [px, py]);
    const hit = this.corners ? null : this.at(cell, px, py);
    // While a shape is chosen to be drawn, only lines are taken hold of, so that one can be drawn inside another.
    if (hit && (!kind || nearness(cell, hit.shape, px, py).far <= NEAR)) {
      this.marks.select(hit.mark.id);
      const { shape } = hit;
      return this.#hold(hit.mark, cell, (u, v) => moved(shape, u - x, v - y), [px, py]);
    }
    if (!kind) {
      this.marks.select(0);
      return false;
    }
    const mark = this.marks.add(this.group, drawn(kind, [x, y], [x, y]), cell.image, this.more());
    if (!mark) {
      this.full();
      return true;
    }
    this.#hold(mark, cell, (u, v) => drawn(kind, [x, y], [u, v]), [px, py]);
    this.held.fresh = true;
    return true;
  }

  #hold(mark, cell, act, seen) {
    this.held = { mark, image: cell.image, act, seen, fresh: false, dragged: false };
    return true;
  }

  #move(cell, { px, py, x, y }) {
    const { held } = this;
    if (!held) {
      if (this.corners && cell?.image === this.corners.image) {
        this.corners.last = [x, y];
        this.marks.tell("moving");
      }
      return false;
    }
    held.dragged ||= Math.hypot(px - held.seen[0], py - held.seen[1]) >= DRAG;
    if (held.dragged && cell?.image === held.image) this.marks.put(held.mark, held.act(x, y), held.image);
    return true;
  }

  #up(cell, { px, py }) {
    const { held } = this;
    this.held = null;
    if (!held) return Boolean(this.corners);
    const sized = !["point", "text"].includes(held.mark.kind);
    if (held.fresh && !held.dragged && sized && cell) {
      // Only clicked: a shape of a size that can be seen and taken hold of.
      const from = cell.pixelAt(px, py);
      const to = cell.pixelAt(px + PLAIN_SIZE, py - (CLOSED.includes(held.mark.kind) ? 0 : PLAIN_SIZE));
      const across = Math.hypot(to[0] - from[0], to[1] - from[1]);
      const square = ["ellipse", "box"].includes(held.mark.kind);
      const end = square ? [from[0] + across, from[1] + across] : [from[0] + across, from[1]];
      this.marks.put(held.mark, drawn(held.mark.kind, from, end), held.image);
    }
    if (held.fresh) this.made(held.mark);
    else if (held.dragged) this.marks.tell("list");
    return true;
  }

  #corner(cell, x, y, seen) {
    if (this.corners && this.corners.image !== cell.image) this.corners = null;
    this.corners ??= { image: cell.image, points: [], seen: [-99, -99] };
    // The second press of a double click stands where the first did: it ends the polygon, it is no corner.
    const [px, py] = this.corners.seen;
    if (Math.hypot(seen[0] - px, seen[1] - py) >= DRAG) this.corners.points.push([x, y]);
    this.corners.seen = seen;
    this.marks.tell("moving");
    return true;
  }

  #close() {
    const { corners } = this;
    if (!corners) return false;
    this.corners = null;
    if (corners.points.length < 3) {
      this.marks.tell("moving");
      return true;
    }
    const shape = { kind: "polygon", points: corners.points, sizes: [], angle: 0 };
    const mark = this.marks.add(this.group, shape, corners.image, this.more());
    if (mark) this.made(mark);
    else this.full();
    return true;
  }
}

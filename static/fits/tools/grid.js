// The coordinate grid: lines that the server makes with astropy for the part that is seen, labelled where they leave it.
import { svgElement } from "../../parts/viewer.js";

export const SYSTEMS = { "": "no grid", icrs: "ICRS", galactic: "Galactic", ecliptic: "Ecliptic", supergalactic: "Supergalactic" };
const SOON = 150; // ms of rest before lines are asked for again
const MARGIN = 0.25; // of the view, asked for around it, so that small moves need no new lines
const MOST_KEPT = 48; // grids: two for each of 24 images
const [ROOM_X, ROOM_Y] = [62, 13]; // CSS pixels that a label needs
const EDGE = 4; // CSS pixels from the edge to a label

export class Grid {
  constructor() {
    this.system = "";
    this.colour = "#7fd4ff";
    this.known = new Map(); // "image system" -> {box, lines}
    this.asked = new Map(); // "image system" -> box under way
    this.timer = null;
  }

  draw(cell, group, viewer) {
    if (!this.system || !cell.image.lattice) {
      group.replaceChildren();
      return;
    }
    const key = `${cell.image.id} ${cell.image.serial} ${this.system}`;
    const box = seenBox(cell);
    const made = this.known.get(key);
    if (box && (!made || !fits(box, made.box))) this.#later(key, cell, viewer);
    if (made) this.#lines(cell, group, made.lines);
    else group.replaceChildren();
  }

  #later(key, cell, viewer) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      for (const one of viewer.cells()) {
        const name = `${one.image.id} ${one.image.serial} ${this.system}`;
        const box = one.image.ready && one.image.lattice && seenBox(one);
        const made = this.known.get(name);
        const under = this.asked.get(name);
        if (box && !(made && fits(box, made.box)) && !(under && fits(box, under))) this.#ask(name, one.image, box, viewer);
      }
    }, SOON);
  }

  async #ask(name, image, seen, viewer) {
    const [x0, y0, x1, y1] = seen;
    const [w, h] = [Math.ceil((x1 - x0) * MARGIN) + 1, Math.ceil((y1 - y0) * MARGIN) + 1];
    const box = [Math.floor(x0) - w, Math.floor(y0) - h, Math.ceil(x1) + w, Math.ceil(y1) + h];
    this.asked.set(name, box);
    try {
      const { lines } = await viewer.ask(image, "grid", { system: this.system, box: box.join(",") });
      if (this.known.size >= MOST_KEPT) this.known.clear();
      this.known.set(name, { box, lines });
    } catch (error) {
      if (error.name === "AbortError") return;
      // The same part is not asked for again and again.
      this.known.set(name, { box, lines: [] });
      viewer.say(error.message);
    } finally {
      if (this.asked.get(name) === box) this.asked.delete(name);
    }
    viewer.redraw();
  }

  #lines(cell, group, lines) {
    const labels = [];
    const seen = new Set();
    const taken = [];
    let d = "";
    for (const { axis, label, points } of lines) {
      const line = points.map(([x, y]) => cell.screen(x, y));
      d += path(line);
      const spot = leaves(cell, line);
      if (!spot || seen.has(label) || taken.some((one) => Math.abs(one.y - spot.y) < ROOM_Y && Math.abs(one.x - spot.x) < ROOM_X)) continue;
      seen.add(label);
      taken.push(spot);
      const { x, y, side } = spot;
      const anchor = side === "left" ? "start" : side === "right" ? "end" : "middle";
      const turn = side === "bottom" || side === "top" ? y + (side === "top" ? 12 : -EDGE) : y - 3;
      labels.push(svgElement("text", { class: `grid-label ${axis}`, x: x.toFixed(1), y: turn.toFixed(1), "text-anchor": anchor, fill: this.colour }, label));
    }
    group.replaceChildren(svgElement("path", { class: "graticule", d, stroke: this.colour }), ...labels);
  }
}

const fits = (seen, box) => {
  const [w, h] = [seen[2] - seen[0], seen[3] - seen[1]];
  // Within what is known, and not so much smaller that the lines would be too far apart.
  const inside = seen[0] >= box[0] && seen[1] >= box[1] && seen[2] <= box[2] && seen[3] <= box[3];
  return inside && Math.max(w / (box[2] - box[0]), h / (box[3] - box[1])) > 0.3;
};

// The pixels that a cell shows: a box around its edges, never more than a little beyond the image.
function seenBox(cell) {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let k = 0; k <= 8; k++) {
    for (const [px, py] of [[(k / 8) * cell.width, 0], [(k / 8) * cell.width, cell.height], [0, (k / 8) * cell.height], [cell.width, (k / 8) * cell.height]]) {
      const [x, y] = cell.pixelAt(px, py);
      if (!Number.isFinite(x + y)) return null;
      [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
    }
  }
  const { nx, ny } = cell.image;
  const [low, high] = [(v) => Math.max(-0.5, v), (v, most) => Math.min(most - 0.5, v)];
  const box = [low(x0), low(y0), high(x1, nx), high(y1, ny)];
  return box[2] - box[0] > 0.01 && box[3] - box[1] > 0.01 ? box : null;
}

function path(line) {
  let d = "";
  let open = false;
  for (const [x, y] of line) {
    if (!Number.isFinite(x + y)) {
      open = false;
      continue;
    }
    d += `${open ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    open = true;
  }
  return d;
}

// Where a line crosses an edge of the cell: the bottom or the left one when it can be had.
function leaves(cell, line) {
  const { width, height } = cell;
  let best = null;
  const offer = (x, y, side, rank) => {
    if (x < -0.5 || y < -0.5 || x > width + 0.5 || y > height + 0.5) return;
    if (!best || rank < best.rank) best = { x: side === "left" ? EDGE : side === "right" ? width - EDGE : x, y: Math.max(10, Math.min(height - EDGE, y)), side, rank };
  };
  for (let k = 1; k < line.length; k++) {
    const [[ax, ay], [bx, by]] = [line[k - 1], line[k]];
    if (!Number.isFinite(ax + ay + bx + by)) continue;
    const share = (low, a, b) => (low - a) / (b - a);
    if (ay > height !== by > height) offer(ax + (bx - ax) * share(height, ay, by), height, "bottom", 0);
    if (ax < 0 !== bx < 0) offer(0, ay + (by - ay) * share(0, ax, bx), "left", 1);
    if (ax > width !== bx > width) offer(width, ay + (by - ay) * share(width, ax, bx), "right", 2);
    if (ay < 0 !== by < 0) offer(ax + (bx - ax) * share(0, ay, by), 0, "top", 3);
  }
  return best;
}

// The rows of the result on the images: a ring for each, marked ones full, the current one a square. Clicks find rows.
import { svgElement } from "../../parts/viewer.js";

const SOON = 200; // ms of rest before rows are asked for again
const MARGIN = 0.2;
const GRAB = 8; // CSS pixels
const RINGS = "m-4.500 0a4.500 4.500 0 1 0 9 0a4.500 4.500 0 1 0 -9 0";

export class Catalogue {
  constructor() {
    this.shown = true;
    this.known = new Map(); // see keyOf -> {box, n, x, y, row, marked, current, more, colour}
    this.under = new Set();
    this.version = -1;
    this.timer = null;
  }

  draw(cell, group, viewer) {
    if (this.version !== viewer.model.overlay) {
      this.version = viewer.model.overlay;
      for (const one of this.known.values()) one.stale = true;
    }
    const { image } = cell;
    if (!this.shown || !image.lattice || !viewer.model.rows_url) {
      group.replaceChildren();
      return;
    }
    const box = around(cell, 0);
    const made = this.known.get(keyOf(image));
    if (box && (!made || made.stale || !within(box, made.box) || (made.more && smaller(box, made.box)))) this.#later(viewer);
    if (!made) {
      group.replaceChildren();
      return;
    }
    const paths = { row: "", marked: "", current: "" };
    for (let k = 0; k < made.n; k++) {
      const [px, py] = cell.screen(made.x[k], made.y[k]);
      if (!(px > -9 && py > -9 && px < cell.width + 9 && py < cell.height + 9)) continue;
      paths[made.marked[k] ? "marked" : "row"] += `M${px.toFixed(1)} ${py.toFixed(1)}${RINGS}`;
      if (made.row[k] === made.current) paths.current += `M${px.toFixed(1)} ${py.toFixed(1)}m-8 -8h16v16h-16z`;
    }
    const nodes = Object.entries(paths).map(([name, d]) => svgElement("path", { class: `rows-${name}`, d }));
    nodes.splice(0, 0, svgElement("path", { class: "seam", d: paths.row + paths.marked, "stroke-width": 3 }));
    group.style.setProperty("--ink", made.colour || "var(--tv-accent, #4cc2ff)");
    group.replaceChildren(...nodes);
  }

  // The row whose ring is nearest to a place of a cell; -1 for none.
  rowAt(cell, px, py) {
    const made = this.shown && this.known.get(keyOf(cell.image));
    let [best, far] = [-1, GRAB];
    for (let k = 0; k < (made?.n ?? 0); k++) {
      const [x, y] = cell.screen(made.x[k], made.y[k]);
      const away = Math.hypot(x - px, y - py);
      if (away < far) [best, far] = [made.row[k], away];
    }
    return best;
  }

  #later(viewer) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      for (const cell of viewer.cells()) {
        const box = cell.image.ready && cell.image.lattice && around(cell, MARGIN);
        if (box && !this.under.has(keyOf(cell.image))) this.#ask(cell.image, box, viewer);
      }
    }, SOON);
  }

  async #ask(image, box, viewer) {
    const key = keyOf(image);
    this.under.add(key);
    const { version } = this;
    try {
      const query = new URLSearchParams({ f: image.id, box: box.join(","), n: version });
      const answer = await fetch(`${viewer.model.rows_url}?${query}`, { signal: viewer.signal });
      if (!answer.ok) throw new Error((await answer.text()).slice(0, 300));
      this.#keep(key, viewer, { ...read(await answer.arrayBuffer()), box, stale: version !== this.version });
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#keep(key, viewer, { n: 0, box, stale: false });
      viewer.say(`Rows could not be put on the image: ${error.message}`);
    } finally {
      this.under.delete(key);
    }
    viewer.redraw();
    const { more, n } = this.known.get(key) ?? {};
    if (more) viewer.say(`${n.toLocaleString()} of ${(n + more).toLocaleString()} rows drawn: zoom in for all`);
  }

  // Rows of images that are closed are forgotten.
  #keep(key, viewer, made) {
    this.known.set(key, made);
    const open = new Set(viewer.images().map(keyOf));
    for (const old of this.known.keys()) if (!open.has(old)) this.known.delete(old);
  }
}

// Another image under the same id, such as another HDU of its file, has other pixels.
const keyOf = ({ id, serial }) => `${id} ${serial}`;

// uint32 n, more, current (0xffffffff: none), colour as 0xrrggbb; float32 x[n], y[n]; uint32 row[n]; uint8 marked[n].
function read(buffer) {
  const [n, more, current, colour] = new Uint32Array(buffer, 0, 4);
  return {
    n,
    more,
    current: current === 0xffffffff ? -1 : current,
    colour: colour === 0xffffffff ? "" : `#${colour.toString(16).padStart(6, "0")}`,
    x: new Float32Array(buffer, 16, n),
    y: new Float32Array(buffer, 16 + 4 * n, n),
    row: new Uint32Array(buffer, 16 + 8 * n, n),
    marked: new Uint8Array(buffer, 16 + 12 * n, n),
  };
}

// The pixels that a cell shows and a margin around them, within the image; null when it shows none.
function around(cell, margin) {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [px, py] of [[0, 0], [cell.width, 0], [0, cell.height], [cell.width, cell.height]]) {
    const [x, y] = cell.pixelAt(px, py);
    if (!Number.isFinite(x + y)) return null;
    [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
  }
  const [w, h] = [(x1 - x0) * margin, (y1 - y0) * margin];
  const { nx, ny } = cell.image;
  const box = [Math.max(0, Math.floor(x0 - w)), Math.max(0, Math.floor(y0 - h)), Math.min(nx, Math.ceil(x1 + w)), Math.min(ny, Math.ceil(y1 + h))];
  return box[2] > box[0] && box[3] > box[1] ? box : null;
}

const within = (a, b) => a[0] >= b[0] && a[1] >= b[1] && a[2] <= b[2] && a[3] <= b[3];
const smaller = (a, b) => (a[2] - a[0]) * (a[3] - a[1]) < 0.5 * (b[2] - b[0]) * (b[3] - b[1]);

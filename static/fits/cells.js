// The cells of the viewer: where each image stands, its name, what is wrong with it, and the sheet of marks over it.
import { element } from "../parts/kit.js";
import { svgElement } from "../parts/viewer.js";

const GAP = 2; // CSS pixels between cells
export const MOST_CELLS = 24;

// A cell of the viewer and, for tools, all they need of it: `image` (its first one), `place` (see place.js), `width`,
// `height`, and `layer(name)`, a group of SVG of their own that lies over the picture.
export class Cell {
  constructor(acts) {
    this.svg = svgElement("svg", { class: "marks" });
    this.caption = element("span", { class: "caption cut" });
    this.shut = element("button", { type: "button", class: "shut", title: "Close this image" }, "×");
    this.words = element("span");
    this.again = element("button", { type: "button", class: "again" }, "Try again");
    this.message = element("div", { class: "problem", role: "status", hidden: true }, this.words, this.again);
    const head = element("div", { class: "head" }, this.caption, this.shut);
    this.root = element("div", { class: "cell" }, this.svg, head, this.message);
    this.shut.addEventListener("click", () => acts.shut(this.image.id));
    this.again.addEventListener("click", () => acts.again(this.image));
    this.layers = new Map();
    Object.assign(this, { images: [], mode: "single", place: null, left: 0, top: 0, width: 0, height: 0 });
  }

  get image() {
    return this.images[0];
  }

  screen(x, y) {
    return this.place.screen(x, y);
  }

  pixelAt(px, py) {
    return this.place.image(px, py);
  }

  sky(x, y) {
    return this.place.sky(x, y);
  }

  pixel(ra, dec) {
    return this.place.pixel(ra, dec);
  }

  // CSS pixels of a place on the sky; null when it is nowhere near.
  screenOf(ra, dec) {
    const at = this.pixel(ra, dec);
    return at && this.screen(...at);
  }

  layer(name) {
    if (!this.layers.has(name)) {
      const group = svgElement("g", { class: `layer ${name}` });
      this.layers.set(name, group);
      this.svg.append(group);
    }
    return this.layers.get(name);
  }

  put({ left, top, width, height }) {
    Object.assign(this, { left, top, width, height });
    Object.assign(this.root.style, {
      left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px`,
    }); // prettier-ignore
  }

  show(images, mode, current, several) {
    Object.assign(this, { images, mode });
    const sign = { colour: " · ", difference: " − " }[mode];
    this.caption.textContent = sign
      ? images.map((one) => one.name).join(sign)
      : [this.image.band, this.image.title].filter(Boolean).join(" · ");
    this.caption.title = (this.image.meta?.notes ?? []).join(" ");
    this.caption.classList.toggle("noted", Boolean(this.caption.title));
    this.root.dataset.id = this.image.id;
    this.root.classList.toggle("current", current && several);
    this.shut.setAttribute("aria-label", `Close ${this.image.title || this.image.name}`);
    this.shut.hidden = mode !== "single";
    const bad = images.find((one) => one.problem || one.state === "failed");
    const wait = images.find((one) => !one.ready);
    const trouble = bad && (bad.problem || bad.message || "The image could not be had.");
    this.words.textContent = trouble || (wait ? wait.message || "Loading …" : "");
    this.message.hidden = !bad && !wait;
    this.message.classList.toggle("tv-error", Boolean(bad));
    this.again.hidden = !bad;
  }
}

// Columns and rows that leave the squares in `count` cells largest.
export function gridOf(count, width, height) {
  let best = [1, count];
  let most = -1;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const side = Math.min(width / columns, height / rows);
    if (side > most + 0.5) [most, best] = [side, [columns, rows]];
  }
  return best;
}

// The boxes of `count` cells in a host, row by row from the upper left; whole CSS pixels.
export function boxesOf(count, width, height) {
  const [columns, rows] = gridOf(count, width, height);
  const wide = Math.floor((width - GAP * (columns - 1)) / columns);
  const high = Math.floor((height - GAP * (rows - 1)) / rows);
  return Array.from({ length: count }, (_, i) => ({
    left: (i % columns) * (wide + GAP),
    top: Math.floor(i / columns) * (high + GAP),
    width: wide,
    height: high,
  }));
}

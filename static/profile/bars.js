// A histogram as SVG: bars of counts, brushed to a range; the small one is one path.
import { element } from "../parts/kit.js";

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 320;
const HEIGHT = 120;

const svg = (tag, attributes = {}) => {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};

const path = (counts, width, height) => {
  const most = Math.max(1, ...counts);
  const step = width / counts.length;
  return counts.map((count, i) => {
    const tall = count ? Math.max(1, (count / most) * height) : 0;
    return `M${(i * step).toFixed(2)} ${height}v${-tall.toFixed(2)}h${step.toFixed(2)}v${tall.toFixed(2)}z`;
  }).join("");
};

export function smallBars(counts) {
  const root = svg("svg", { viewBox: "0 0 100 24", preserveAspectRatio: "none", class: "small", "aria-hidden": "true" });
  root.append(svg("path", { d: path(counts, 100, 24) }));
  return root;
}

export function words(value, kind) {
  if (kind === "time") return new Date(value * 1000).toISOString().slice(0, 19).replace("T", " ");
  // Digits that a double does not have are not shown: they would be those of another identifier.
  if (kind === "whole") return Math.abs(value) < 2 ** 53 ? Math.round(value).toLocaleString("en") : value.toExponential(6);
  return String(Number(value.toPrecision(5)));
}

// The brush goes from bin to bin; `brushed(low, high)` hears of it in values of the column.
export class Bars {
  constructor(brushed) {
    this.brushed = brushed;
    this.svg = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "bars", role: "img" });
    this.path = svg("path", { class: "fill" });
    this.brush = svg("rect", { class: "brush", y: 0, height: HEIGHT, width: 0 });
    this.svg.append(this.path, this.brush);
    this.left = element("span");
    this.right = element("span");
    this.readout = element("div", { class: "muted cut readout" });
    this.element = element("div", { class: "histogram" }, this.svg, element("div", { class: "ends muted" }, this.left, this.right), this.readout);
    let from = -1;
    const bin = (event) => {
      const box = this.svg.getBoundingClientRect();
      const at = Math.floor(((event.clientX - box.left) / box.width) * this.counts.length);
      return Math.min(Math.max(at, 0), this.counts.length - 1);
    };
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.counts) return;
      from = bin(event);
      this.svg.setPointerCapture(event.pointerId);
      this.mark(from, from);
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (!this.counts) return;
      const at = bin(event);
      if (from >= 0) this.mark(from, at);
      this.tell(from >= 0 ? Math.min(from, at) : at, from >= 0 ? Math.max(from, at) : at);
    });
    this.svg.addEventListener("pointerup", (event) => {
      if (from < 0) return;
      const at = bin(event);
      const [first, last] = [Math.min(from, at), Math.max(from, at)];
      from = -1;
      this.brushed(this.value(first), this.value(last + 1));
    });
    this.svg.addEventListener("pointercancel", () => {
      from = -1;
      this.brush.setAttribute("width", 0);
    });
    this.svg.addEventListener("pointerleave", () => from < 0 && this.tell());
  }

  edge(place) {
    const { low, high } = this.shape;
    return low + ((high - low) * place) / this.counts.length;
  }

  value(place) {
    return this.shape.log ? 10 ** this.edge(place) : this.edge(place);
  }

  mark(a, b) {
    const step = WIDTH / this.counts.length;
    this.brush.setAttribute("x", Math.min(a, b) * step);
    this.brush.setAttribute("width", (Math.abs(b - a) + 1) * step);
  }

  tell(first = -1, last = -1) {
    if (first < 0) {
      this.readout.textContent = this.rest;
      return;
    }
    const count = this.counts.slice(first, last + 1).reduce((sum, n) => sum + n, 0);
    const half = this.kind === "whole" && !this.shape.log ? 0.5 : 0;
    const ends = [words(this.value(first) + half, this.kind), words(this.value(last + 1) - half, this.kind)];
    this.readout.textContent = `${ends[0] === ends[1] ? ends[0] : `${ends[0]} to ${ends[1]}`}: ${count.toLocaleString("en")}`;
  }

  show(found) {
    const shape = found?.histogram;
    this.element.hidden = !shape;
    this.counts = shape?.counts;
    this.brush.setAttribute("width", 0);
    if (!shape) return;
    this.shape = shape;
    this.kind = found.kind;
    this.path.setAttribute("d", path(shape.counts, WIDTH, HEIGHT));
    const exact = found.kind === "whole" && !shape.log;
    this.left.textContent = exact ? found.low : words(this.value(0), this.kind);
    this.right.textContent = exact ? found.high : words(this.value(shape.counts.length), this.kind);
    const outside = [[shape.below, "below"], [shape.above, "above"], [shape.without, "not positive"]].filter(([n]) => n);
    this.rest = outside.map(([n, where]) => `${n.toLocaleString("en")} ${where}`).join(", ") || "Drag to filter by a range.";
    this.svg.setAttribute("aria-label", `Histogram from ${this.left.textContent} to ${this.right.textContent}`);
    this.tell();
  }
}

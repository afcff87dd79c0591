// A small chart with axes: lines, or bars, in SVG.
import { element } from "../../parts/kit.js";
import { svgElement } from "../../parts/viewer.js";

const [LEFT, RIGHT, TOP, BOTTOM] = [58, 10, 8, 34];

// Round steps that part a range into about `count`.
export function ticks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((f) => f * power >= rough) * power;
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9 && found.length < 30; k++) found.push(k * step);
  return found;
}

export const short = (value) => {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
  return text.replace("-", "−");
};

export class Plot {
  constructor({ width = 330, height = 190, x = "", y = "", label = "" }) {
    Object.assign(this, { width, height, x, y });
    this.svg = svgElement("svg", { class: "plot", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    this.root = element("div", { class: "plot-box" }, this.svg);
    this.range = null;
  }

  px(x) {
    const { low, high } = this.range.x;
    return LEFT + ((x - low) / (high - low)) * (this.width - LEFT - RIGHT);
  }

  py(y) {
    const { low, high } = this.range.y;
    return this.height - BOTTOM - ((y - low) / (high - low)) * (this.height - TOP - BOTTOM);
  }

  // The value of x under a pointer event.
  at(event) {
    const box = this.svg.getBoundingClientRect();
    const px = ((event.clientX - box.left) / box.width) * this.width;
    const { low, high } = this.range.x;
    return low + ((px - LEFT) / (this.width - LEFT - RIGHT)) * (high - low);
  }

  axes(xs, ys, { x = this.x, y = this.y } = {}) {
    this.range = { x: span(xs), y: span(ys) };
    const right = this.width - RIGHT;
    const bottom = this.height - BOTTOM;
    const nodes = [svgElement("path", { class: "axis", d: `M${LEFT} ${TOP}V${bottom}H${right}` })];
    for (const value of ticks(...ends(this.range.x), 5)) {
      const px = this.px(value);
      nodes.push(svgElement("path", { class: "axis", d: `M${px} ${bottom}v4` }));
      nodes.push(svgElement("text", { class: "tick", x: px, y: bottom + 14, "text-anchor": "middle" }, short(value)));
    }
    for (const value of ticks(...ends(this.range.y), 4)) {
      const py = this.py(value);
      nodes.push(svgElement("path", { class: "gridline", d: `M${LEFT} ${py}H${right}` }));
      nodes.push(svgElement("text", { class: "tick", x: LEFT - 5, y: py + 3.5, "text-anchor": "end" }, short(value)));
    }
    nodes.push(svgElement("text", { class: "name", x: (LEFT + right) / 2, y: this.height - 4, "text-anchor": "middle" }, x));
    nodes.push(svgElement("text", { class: "name", transform: `translate(11 ${(TOP + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, y));
    this.svg.replaceChildren(...nodes);
  }

  // A line through values, broken where there are none.
  line(xs, ys, colour, dash = "") {
    let d = "";
    let open = false;
    xs.forEach((x, k) => {
      const y = ys[k];
      if (y === null || !Number.isFinite(y)) {
        open = false;
        return;
      }
      d += `${open ? "L" : "M"}${this.px(x).toFixed(1)} ${this.py(y).toFixed(1)}`;
      if (!open) d += "h.01"; // a single sample is a dot
      open = true;
    });
    const more = dash ? { "stroke-dasharray": dash } : {};
    this.svg.append(svgElement("path", { class: "curve", d, stroke: colour, ...more }));
  }

  // Steps of a histogram.
  bars(low, high, counts, scale = (n) => n) {
    const step = (high - low) / counts.length;
    const d = counts.map((count, k) => `L${this.px(low + k * step)} ${this.py(scale(count))}H${this.px(low + (k + 1) * step)}`).join("");
    const base = this.height - BOTTOM;
    this.svg.append(svgElement("path", { class: "bars", d: `M${this.px(low)} ${base}${d}V${base}Z` }));
  }

  // An upright line that can be taken hold of: `drag(x, done)`. Arrow keys move it too.
  lever(x, label, drag) {
    const node = svgElement("g", { class: "lever", tabindex: 0, role: "slider", "aria-label": label, "aria-valuenow": x });
    const put = (value) => {
      node.setAttribute("transform", `translate(${Math.max(LEFT, Math.min(this.width - RIGHT, this.px(value)))} 0)`);
      node.setAttribute("aria-valuenow", value);
      node.setAttribute("aria-valuetext", short(value));
    };
    node.append(svgElement("path", { class: "grab", d: `M0 ${TOP}V${this.height - BOTTOM}` }), svgElement("path", { class: "rod", d: `M0 ${TOP}V${this.height - BOTTOM}` }));
    put(x);
    let held = false;
    node.addEventListener("pointerdown", (event) => {
      held = true;
      node.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    node.addEventListener("pointermove", (event) => {
      if (!held) return;
      x = this.at(event);
      put(x);
      drag(x, false);
    });
    node.addEventListener("pointerup", () => {
      if (held) drag(x, true);
      held = false;
    });
    node.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      x += (way * (this.range.x.high - this.range.x.low)) / (event.shiftKey ? 20 : 200);
      put(x);
      drag(x, true);
    });
    this.svg.append(node);
  }
}

const ends = ({ low, high }) => [low, high];

function span(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!(low <= high)) return { low: 0, high: 1 };
  if (low === high) return { low: low - 0.5, high: high + 0.5 };
  return { low, high };
}

// Marks as SVG: lines of one colour in one path, a dark seam under them so that they are seen on any picture.
import { svgElement } from "../../parts/viewer.js";
import { handles, outline } from "./shapes.js";

const COLOURS = { green: "#00f05a", red: "#ff4d4d", blue: "#5c8dff" }; // DS9's, as bright as a dark picture needs
const MOST_LABELS = 400; // beyond it they would only cover each other
export const TURN_FAR = 22; // CSS pixels of the turning handle beyond its shape
const SYMBOLS = {
  circle: "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0",
  box: "m-5 -5h10v10h-10z",
  diamond: "m0 -6l6 6l-6 6l-6 -6z",
  cross: "m-6 0h12m-6 -6v12",
  x: "m-5 -5l10 10m0 -10l-10 10",
  arrow: "m-12 -12l12 12m-5 0h5v-5",
  boxcircle: "m-5 -5h10v10h-10zm1 5a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
};

export const inkOf = (color) => COLOURS[color] ?? color;

// How many CSS pixels one pixel of the image is, near a place.
export function scaleAt(cell, x, y) {
  const [[ax, ay], [bx, by]] = [cell.screen(x, y), cell.screen(x + 1, y)];
  return Math.hypot(bx - ax, by - ay);
}

// The path of a shape in CSS pixels of a cell; "" when it is out of sight.
export function pathOf(cell, shape, symbol = "boxcircle") {
  const { kind, points, sizes } = shape;
  const [x, y] = cell.screen(...points[0]);
  if (!Number.isFinite(x + y)) return "";
  const scale = scaleAt(cell, ...points[0]);
  const far = kind === "polygon" || kind === "line" ? Infinity : Math.max(30, ...(sizes ?? []).map((size) => size * scale));
  if (x < -far || y < -far || x > cell.width + far || y > cell.height + far) return "";
  const two = (value) => value.toFixed(2);
  if (kind === "point") return `M${two(x)} ${two(y)}${SYMBOLS[symbol] ?? SYMBOLS.boxcircle}`;
  const corners = Math.max(12, Math.min(64, Math.round((sizes?.at(-1) ?? 0) * scale)));
  return outline(shape, corners)
    .map(({ points: line, closed }) => {
      const seen = line.map(([u, v]) => cell.screen(u, v)).filter(([u, v]) => Number.isFinite(u + v));
      return seen.length > 1 ? `M${seen.map(([u, v]) => `${two(u)} ${two(v)}`).join("L")}${closed ? "Z" : ""}` : "";
    })
    .join("");
}

// Draws [mark, shape] into a group of a cell; the selected one with handles when `editable`.
export function drawMarks(group, cell, marks, selected = 0, editable = false) {
  const paths = new Map();
  const labels = [];
  for (const [mark, shape] of marks) {
    const path = pathOf(cell, shape, mark.symbol);
    if (path) {
      const key = `${mark.color} ${mark.width} ${mark.dash || !mark.include} ${mark.id === selected}`;
      if (!paths.has(key)) paths.set(key, { mark, parts: [] });
      paths.get(key).parts.push(path);
    }
    if (mark.text && labels.length < MOST_LABELS) labels.push(label(cell, mark, shape));
  }
  const nodes = [...paths.values()].flatMap(({ mark, parts }) => {
    const d = parts.join("");
    const width = mark.width + (mark.id === selected ? 1 : 0);
    const dash = mark.dash || !mark.include ? { "stroke-dasharray": "6 4" } : {};
    return [
      svgElement("path", { class: "seam", d, "stroke-width": width + 2 }),
      svgElement("path", { class: "ink", d, stroke: inkOf(mark.color), "stroke-width": width, ...dash }),
    ];
  });
  const one = marks.find(([mark]) => mark.id === selected);
  group.replaceChildren(...nodes, ...labels.filter(Boolean), ...(one && editable ? grips(cell, one[1]) : []));
}

function label(cell, mark, shape) {
  const seen = outline(shape, 8).flatMap(({ points }) => points.map(([x, y]) => cell.screen(x, y)));
  const [x, y] = cell.screen(...shape.points[0]);
  const top = seen.length ? Math.min(...seen.map(([, v]) => v)) : y - (mark.kind === "text" ? -4 : 8);
  const middle = seen.length ? (Math.min(...seen.map(([u]) => u)) + Math.max(...seen.map(([u]) => u))) / 2 : x;
  if (!Number.isFinite(top + middle) || top < -20 || top > cell.height + 20 || middle < -200 || middle > cell.width + 200) return null;
  return svgElement("text", { class: "label", x: middle.toFixed(1), y: (top - 4).toFixed(1), fill: inkOf(mark.color) }, mark.text);
}

// Small squares to take a shape by; a circle for the one that turns it.
function grips(cell, shape) {
  return handlesOn(cell, shape).map(({ px, py, name }) =>
    name === "turn"
      ? svgElement("circle", { class: "grip", cx: px, cy: py, r: 4.5 })
      : svgElement("rect", { class: "grip", x: px - 4, y: py - 4, width: 8, height: 8 }),
  );
}

// The handles of a shape with their places in a cell.
export function handlesOn(cell, shape) {
  const far = TURN_FAR / (scaleAt(cell, ...shape.points[0]) || 1);
  return handles(shape, far).map((one) => {
    const [px, py] = cell.screen(one.x, one.y);
    return { ...one, px, py };
  });
}

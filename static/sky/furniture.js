// What helps to read the sky view: grid, compass, scale bar, mark of the centre, a named place. Drawn in SVG.
import { gridOf } from "./grid.js";
import { alongAxis, pixelOf } from "./projection.js";
import { angleText, cross, dot, normal } from "../parts/sphere.js";
import { drawCompass, svgElement } from "../parts/viewer.js";

const RAD = Math.PI / 180;
const NICE = [1, 2, 5, 10, 15, 20, 30]; // of arcseconds and arcminutes; degrees have 60, 90 as well
const ABOVE = 34; // CSS pixels kept free for the readout

// Degrees of a scale bar that is at most `most` degrees long.
export function scaleLength(most) {
  for (const [unit, steps] of [[1, [...NICE, 60, 90]], [1 / 60, NICE], [1 / 3600, NICE]]) {
    const found = steps.filter((step) => step * unit <= most).at(-1);
    if (found) return found * unit;
  }
  return 10 ** Math.floor(Math.log10(most * 3600)) / 3600;
}

export class Furniture {
  // `worldAt(x, y)` gives [ra, dec] or null.
  constructor(worldAt) {
    this.worldAt = worldAt;
    this.lines = svgElement("path", { class: "grid-lines" });
    this.labels = svgElement("g", { class: "grid-labels" });
    this.compass = svgElement("g", { class: "compass", role: "img", "aria-label": "Compass" });
    this.scale = svgElement("g", { class: "scale" });
    this.reticle = svgElement("path", { class: "reticle", d: "M-9 0H-3M3 0H9M0 -9V-3M0 3V9" });
    this.pinMark = svgElement("path", { d: "M-8 -8L8 8M-8 8L8 -8" });
    this.pinText = svgElement("text", { x: 12, y: -8 });
    this.pinGroup = svgElement("g", { class: "pin", visibility: "hidden" }, this.pinMark, this.pinText);
    const parts = [this.lines, this.labels, this.compass, this.scale, this.reticle, this.pinGroup];
    this.group = svgElement("g", { class: "furniture" }, ...parts);
    this.shown = { grid: "", compass: true, scale: true, reticle: false };
    this.pin = null;
  }

  draw(view) {
    const { shown } = this;
    this.#drawGrid(view);
    this.compass.setAttribute("visibility", shown.compass ? "visible" : "hidden");
    const pole = [0, 0, 1];
    const towards = (v) => normal([dot(v, view.right), -dot(v, view.up), 0]);
    drawCompass(this.compass, view.width - 34, view.height - 84, towards(pole), towards(cross(pole, view.centre)));
    this.#drawScale(view);
    this.reticle.setAttribute("visibility", shown.reticle ? "visible" : "hidden");
    this.reticle.setAttribute("transform", `translate(${view.width / 2} ${view.height / 2})`);
    const at = this.pin && pixelOf(view, this.pin[0], this.pin[1]);
    this.pinGroup.setAttribute("visibility", at ? "visible" : "hidden");
    if (at) {
      this.pinGroup.setAttribute("transform", `translate(${at[0]} ${at[1]})`);
      this.pinText.textContent = this.pin[2];
    }
  }

  #drawGrid(view) {
    const { path, labels } = this.shown.grid ? gridOf(view, this.worldAt, this.shown.grid) : { path: "", labels: [] };
    this.lines.setAttribute("d", path);
    this.labels.replaceChildren(
      ...labels.map(({ x, y, text, side, axis }) => svgElement("text", { x, y, class: axis, "text-anchor": side }, text)),
    );
  }

  #drawScale(view) {
    const perDegree = alongAxis(view.kind, RAD * 1e-3) * 1e3 * view.scale;
    const most = Math.min(view.width / 4, 160) / perDegree;
    this.scale.setAttribute("visibility", this.shown.scale ? "visible" : "hidden");
    const length = scaleLength(most);
    const [x, y] = [12, view.height - ABOVE - (this.shown.grid ? 16 : 0)]; // above the grid's labels
    const wide = length * perDegree;
    this.scale.replaceChildren(
      svgElement("path", { d: `M${x} ${y - 4}v4h${wide.toFixed(2)}v-4` }),
      svgElement("text", { x: x + wide + 6, y: y + 1 }, angleText(length).replace(/\.0+(?=\D)/, "")),
    );
  }
}

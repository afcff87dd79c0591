// What is drawn above the catalogue: the current row's mark, the furniture, and the shape under the user's hand.
import { pixelOf } from "./projection.js";
import { cross, dot, normal, separation, unit } from "../parts/sphere.js";
import { svgElement } from "../parts/viewer.js";

const LEAST_DRAG = 4; // CSS pixels; less is a click
const LASSO_STEP = 3; // CSS pixels between corners of a lasso
const LASSO_CORNERS = 240; // half of what a region may have: it is saved with the page
const EDGE_PARTS = 8; // an edge on the screen is a great circle in TAN only; elsewhere it is sent in parts

export class Marks {
  constructor(furniture) {
    this.furniture = furniture;
    this.currentMark = svgElement(
      "g",
      { class: "current", visibility: "hidden" },
      svgElement("circle", { r: 11 }),
      svgElement("path", { d: "M-20 0H-7M7 0H20M0 -20V-7M0 7V20" }),
    );
    this.shape = svgElement("path", { class: "shape", visibility: "hidden" });
    this.svg = svgElement("svg", { class: "marks" }, furniture.group, this.currentMark, this.shape);
    this.current = null;
    this.tool = "";
  }

  draw(view) {
    this.view = view;
    const at = this.current && pixelOf(view, this.current[0], this.current[1]);
    this.currentMark.setAttribute("visibility", at ? "visible" : "hidden");
    if (at) this.currentMark.setAttribute("transform", `translate(${at[0]} ${at[1]})`);
    this.furniture.draw(view);
  }

  // Draws the tool's shape with the hand; `done(kind, coordinates in ICRS degrees, mode)` gets it, `ended()` follows.
  // Shift held at its end adds the shape to what is marked, Alt takes it away; else `mode()` says what it does.
  begin(tool, worldAt, done, ended, mode = () => "and") {
    this.cancel();
    this.tool = tool;
    this.svg.classList.add("drawing");
    const watch = new AbortController();
    const on = (node, type, run) => node.addEventListener(type, run, { signal: watch.signal });
    const corners = [];
    this.cancel = () => {
      this.cancel = () => {};
      watch.abort();
      this.tool = "";
      this.svg.classList.remove("drawing");
      this.shape.setAttribute("visibility", "hidden");
      ended();
    };
    const finish = (points, event) => {
      const found = tool === "circle" ? circleOf(points, worldAt) : polygonOf(points, worldAt, this.view, tool === "lasso");
      this.cancel();
      if (found) done(...found, event?.shiftKey ? "or" : event?.altKey ? "and not" : mode());
    };
    const place = (event) => {
      const box = this.svg.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    on(this.svg, "pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      corners.push(place(event));
      if (tool !== "polygon") this.svg.setPointerCapture(event.pointerId);
      const [first] = corners;
      if (tool === "polygon" && corners.length > 3 && far(first, corners.at(-1)) < 10) finish(corners.slice(0, -1), event);
    });
    on(this.svg, "pointermove", (event) => {
      if (!corners.length) return;
      if (tool === "lasso" && far(corners.at(-1), place(event)) >= LASSO_STEP) corners.push(place(event));
      this.#show(tool, [...corners, place(event)]);
    });
    on(this.svg, "pointerup", (event) => {
      if (tool === "polygon" || !corners.length) return;
      const last = place(event);
      if (corners.every((corner) => far(corner, last) < LEAST_DRAG)) {
        corners.length = 0;
        return;
      }
      const shapes = { circle: () => [corners[0], last], rectangle: () => rectangle(corners[0], last) };
      finish(shapes[tool]?.() ?? thinned([...corners, last]), event);
    });
    on(this.svg, "dblclick", (event) => tool === "polygon" && corners.length > 3 && finish(corners.slice(0, -1), event));
    this.close = () => tool === "polygon" && corners.length > 2 && finish(corners);
  }

  cancel() {}
  close() {}

  #show(tool, points) {
    const [a, b] = [points[0], points.at(-1)];
    let path;
    if (tool === "circle") {
      const r = far(a, b);
      path = `M${a[0] - r} ${a[1]}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
    } else {
      path = `M${(tool === "rectangle" ? rectangle(a, b) : points).map((p) => p.join(" ")).join("L")}Z`;
    }
    this.shape.setAttribute("d", path);
    this.shape.setAttribute("visibility", "visible");
  }
}

const far = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

const rectangle = (a, b) => [a, [b[0], a[1]], b, [a[0], b[1]]];

// As many corners as a region may have, evenly taken.
function thinned(points) {
  const step = Math.ceil(points.length / LASSO_CORNERS);
  return points.filter((_, i) => i % step === 0);
}

function circleOf([centre, edge], worldAt) {
  const [middle, rim] = [worldAt(...centre), worldAt(...edge)];
  if (!middle || !rim) return null;
  return ["circle", [...middle, (separation(unit(...middle), unit(...rim)) * 180) / Math.PI]];
}

// Corners as [ra, dec, ra, dec, ...], counter-clockwise seen from outside the sphere, as polygons are in ADQL engines.
function polygonOf(points, worldAt, view, fine) {
  const parts = view.kind === "TAN" || fine ? 1 : EDGE_PARTS;
  const places = points.flatMap((a, i) => {
    const b = points[(i + 1) % points.length];
    return Array.from({ length: parts }, (_, k) => a.map((x, j) => x + ((b[j] - x) * k) / parts));
  });
  const corners = places.map((p) => worldAt(...p)).filter(Boolean);
  if (corners.length < 3) return null;
  const v = corners.map((p) => unit(...p));
  const middle = normal([0, 1, 2].map((j) => v.reduce((sum, x) => sum + x[j], 0)));
  const turn = v.reduce((sum, x, i) => sum + dot(cross(x, v[(i + 1) % v.length]), middle), 0);
  return ["polygon", (turn < 0 ? corners.reverse() : corners).flat()];
}

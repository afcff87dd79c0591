// The ruler: how far it is from one place to another, which way, and the way along east and north.
import { element } from "../../parts/kit.js";
import { cross, dot, unit } from "../../parts/sphere.js";
import { svgElement } from "../../parts/viewer.js";
import { drawMarks } from "./ink.js";
import { Hand } from "./hand.js";
import { shapeOn } from "./shapes.js";

const RAD = Math.PI / 180;
const UNITS = { "″": 3600, "′": 60, "°": 1 };

// {far, angle, east, north} in degrees between two places [ra, dec]: the great circle, its position angle at the first
// place, and the offsets along and across the equator of a system whose origin is the first place.
export function offsets(from, to) {
  const [a, b] = [unit(...from), unit(...to)];
  const far = Math.atan2(Math.hypot(...cross(a, b)), dot(a, b)) / RAD;
  const [s, c] = [Math.sin(from[0] * RAD), Math.cos(from[0] * RAD)];
  const east = [-s, c, 0];
  const north = cross(a, east);
  const [u, v, w] = [dot(b, east), dot(b, north), dot(b, a)];
  return {
    far,
    angle: ((Math.atan2(u, v) / RAD) % 360 + 360) % 360,
    east: Math.atan2(u, w) / RAD,
    north: Math.asin(Math.max(-1, Math.min(1, v))) / RAD,
  };
}

const signed = (value, digits) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;

export function rulerTool(marks, dock) {
  let viewer = null;
  let held = false;
  let units = "″";
  const hand = new Hand(marks, "ruler", { kind: () => "line", more: () => ({ color: "cyan" }), full: () => dock().fail("There are too many marks.") });
  const list = element("div", { class: "rows" });
  const choice = element("select", { "aria-label": "Unit of lengths" }, ...Object.keys(UNITS).map((name) => element("option", { value: name }, name)));
  choice.addEventListener("change", () => {
    units = choice.value;
    tell();
    viewer?.redraw();
  });

  const told = (mark, image) => {
    if (mark.image || mark.points.length < 2) {
      const shape = shapeOn(mark, image);
      if (!shape) return null;
      const [[x0, y0], [x1, y1]] = shape.points;
      return { length: `${Math.hypot(x1 - x0, y1 - y0).toFixed(1)} px`, angle: "", legs: [`Δx ${signed(x1 - x0, 1)}`, `Δy ${signed(y1 - y0, 1)}`] };
    }
    const { far, angle, east, north } = offsets(...mark.points);
    const [times, digits] = [UNITS[units], { "″": 2, "′": 4, "°": 6 }[units]];
    const say = (value) => `${signed(value * times, digits)}${units}`;
    return {
      length: `${(far * times).toFixed(digits)}${units}`,
      angle: `PA ${angle.toFixed(1)}°`,
      legs: [`Δα cos δ ${say(east)}`, `Δδ ${say(north)}`],
    };
  };

  const tell = () => {
    if (!held) return;
    const image = viewer.current();
    const rows = marks.of("ruler").flatMap((mark) => {
      const text = image?.ready && told(mark, image);
      if (!text) return [];
      const gone = element("button", { type: "button", class: "quiet", "aria-label": "Remove this ruler", title: "Remove" }, "×");
      gone.addEventListener("click", () => marks.remove((one) => one === mark));
      const words = element("button", { type: "button", class: "quiet words" }, element("b", {}, text.length), ` ${text.angle} · ${text.legs.join(" · ")}`);
      words.addEventListener("click", () => marks.select(mark.id));
      return [element("div", { class: mark.id === marks.selected ? "row tv-current" : "row" }, words, gone)];
    });
    list.replaceChildren(...(rows.length ? rows : [element("p", { class: "muted" }, "Drag from one place to another on the image.")]));
  };
  marks.watch(tell);

  return {
    name: "ruler",
    title: "Ruler: distance, position angle and offsets (Shift+R)",
    icon: "M3 14l11-11 3 3L6 17zM6 11l2 2M9 8l2 2M12 5l2 2",
    key: "R",
    begin(given) {
      viewer = given;
      held = true;
      dock().show("Ruler", element("label", { class: "line" }, "Lengths in ", choice), list);
      tell();
    },
    end() {
      held = false;
      hand.drop();
      dock().hide();
    },
    pointer: (...given) => hand.pointer(...given),
    draw(cell, group) {
      const seen = marks.on(cell.image, "ruler");
      drawMarks(group, cell, seen, held ? marks.selected : 0, held);
      for (const [mark, shape] of seen) legs(group, cell, mark, shape);
    },
  };

  // The length on the line, and the two legs beside it, each with its share.
  function legs(group, cell, mark, shape) {
    const text = told(mark, cell.image);
    if (!text) return;
    const [a, b] = shape.points.map(([x, y]) => cell.screen(x, y));
    const say = (words, x, y, kind = "label") => group.append(svgElement("text", { class: kind, x, y, fill: "cyan" }, words));
    const corner = mark.image ? null : cell.screenOf(mark.points[1][0], mark.points[0][1]);
    if (corner && Math.hypot(a[0] - b[0], a[1] - b[1]) > 60) {
      const d = `M${a.join(" ")}L${corner.join(" ")}L${b.join(" ")}`;
      group.append(svgElement("path", { class: "leg", d }));
      say(text.legs[0], (a[0] + corner[0]) / 2, (a[1] + corner[1]) / 2 + (corner[1] > (a[1] + b[1]) / 2 ? 14 : -5));
      say(text.legs[1], (b[0] + corner[0]) / 2, (b[1] + corner[1]) / 2);
    }
    say([text.length, text.angle].filter(Boolean).join("  "), (a[0] + b[0]) / 2, (a[1] + b[1]) / 2 - 6);
  }
}

// What lies over the images: marks of the viewer itself, and tools, which hook in here.
//
// A tool is {name, title, icon, key?, begin(viewer), draw(cell, group, viewer), pointer?(kind, cell, at, event), end()}:
// `icon` is the path of a 20 x 20 picture, `key` one letter. `begin` when the user takes it up, `end` when it is laid
// down. `draw` puts what it has into `group`, SVG of its own in `cell` (see cells.js), after every change of the view,
// also while the tool is not in the user's hand. `pointer` gets "down", "move", "up", "leave" and "double" while it is,
// with `at` = {px, py, x, y}: CSS pixels of the cell and pixels of its image; true when the viewer must not act itself.
// `shown()`, if there, when another image or view is shown while the tool is in the user's hand; `rowAt(cell, px, py)`
// gives the row of the result at a place, -1 for none.
// `viewer` is {root, host, model, cells(), current(), images(), ask(image, what, more) -> JSON, panel(name, title) ->
// HTMLElement, say(text), redraw(), paint() (at once), set(settings), lay() (puts the tool down), gesture(name, fields), signal}.
import { drawCompass, svgElement } from "../parts/viewer.js";
import { makeTools } from "./tools.js";

const NICE = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000];
const ROOM = 150; // CSS pixels a side below which a cell has no compass and scale

export class Overlay {
  constructor(viewer) {
    this.viewer = viewer;
    this.tools = makeTools(viewer);
    this.held = null;
  }

  // Takes up a tool, or lays it down when it is the one in hand.
  take(name) {
    const tool = this.tools.find((one) => one.name === name);
    const before = this.held;
    this.held = null;
    before?.end();
    if (tool && tool !== before) {
      this.held = tool;
      tool.begin(this.viewer);
    }
    this.viewer.held(this.held?.name ?? "");
    this.viewer.redraw();
  }

  pointer(kind, cell, at, event) {
    return Boolean(this.held?.pointer?.(kind, cell, at, event));
  }

  // The row of the result whose mark is at a place of a cell; -1 for none.
  rowAt(cell, px, py) {
    return this.tools.find((tool) => tool.rowAt)?.rowAt(cell, px, py) ?? -1;
  }

  // Tells the tool in hand once another image is current or others are seen.
  shown() {
    const { current, cells } = this.viewer;
    const key = [current(), ...cells().flatMap((cell) => cell.images)].map((one) => one && `${one.id} ${one.serial} ${one.ready}`).join();
    if (key === this.seen) return;
    this.seen = key;
    this.held?.shown?.();
  }

  draw(cell, position) {
    if (!cell.image.ready) {
      cell.svg.replaceChildren();
      cell.layers.clear();
      return;
    }
    this.#cross(cell, position);
    this.#furniture(cell);
    for (const tool of this.tools) tool.draw(cell, cell.layer(tool.name), this.viewer);
  }

  #cross(cell, position) {
    const group = cell.layer("cross");
    const at = position && cell.screenOf(...position);
    const seen = at && Number.isFinite(at[0] + at[1]);
    group.setAttribute("visibility", seen ? "visible" : "hidden");
    if (!group.childNodes.length) group.append(svgElement("path", { d: "M-26 0H-9M9 0H26M0 -26V-9M0 9V26" }));
    const size = Math.min(cell.width, cell.height) < ROOM ? 0.6 : 1;
    if (seen) group.setAttribute("transform", `translate(${at[0]} ${at[1]}) scale(${size})`);
  }

  #furniture(cell) {
    const [compass, scale] = [cell.layer("compass"), cell.layer("scale")];
    compass.replaceChildren();
    scale.replaceChildren();
    const { image, width, height } = cell;
    if (!image.lattice || Math.min(width, height) < ROOM) return;
    const middle = cell.pixelAt(width / 2, height / 2);
    const arms = image.lattice.compass(...middle);
    const [x0, y0] = cell.screen(...middle);
    const along = ([dx, dy]) => {
      const [x, y] = cell.screen(middle[0] + dx, middle[1] + dy);
      return [x - x0, y - y0];
    };
    const [north, east] = [along(arms.north), along(arms.east)];
    const perArcsec = Math.hypot(...north);
    if (!Number.isFinite(perArcsec) || !perArcsec) return;
    const unit = ([x, y]) => [x / Math.hypot(x, y), y / Math.hypot(x, y)];
    compass.setAttribute("role", "img");
    compass.setAttribute("aria-label", "Compass");
    drawCompass(compass, width - 38, height - 34, unit(north), unit(east));
    const length = NICE.findLast((n) => n * perArcsec <= Math.max(40, width / 4)) ?? NICE[0];
    const bar = length * perArcsec;
    const text = length < 60 ? `${length}″` : length < 3600 ? `${length / 60}′` : `${length / 3600}°`;
    scale.setAttribute("transform", `translate(12 ${height - 14})`);
    scale.append(svgElement("path", { d: `M0 -4V4M0 0H${bar}M${bar} -4V4` }), svgElement("text", { x: bar / 2, y: -7 }, text));
  }
}

// The line tool: values along a line across the images that are seen, averaged over a width; chart and table.
import { element } from "../../parts/kit.js";
import { svgElement } from "../../parts/viewer.js";
import { latest } from "./dock.js";
import { drawMarks, scaleAt } from "./ink.js";
import { Hand } from "./hand.js";
import { Plot } from "./plot.js";
import { shapeOn } from "./shapes.js";

const SOON = 120; // ms a hand rests before the server is asked
const LEAST = 0.5; // pixels: a line that the hand has only begun
const MOST_LINES = 6; // images that are read at once: as many as there are bands

export function sliceTool(marks, dock, planes) {
  let viewer = null;
  let held = false;
  let width = 1;
  let found = []; // [{image, mark, told}] as charted
  let pinned = []; // lines kept for comparison
  let under = null; // place in the profile that the pointer is at
  let timer = null;
  const asking = latest((text) => dock().fail(text));
  const hand = new Hand(marks, "profile", { kind: () => "line", more: () => ({ color: "#ffb000" }), full: () => dock().fail("There are too many marks."), made: () => soon(0) });
  const plot = new Plot({ label: "Values along the line" });
  const wide = element("input", { type: "number", min: 1, max: 500, step: 1, value: 1, "aria-label": "Width of the line in pixels" });
  const said = element("p", { class: "muted told" });
  const keys = element("div", { class: "keys" });
  const table = element("button", { type: "button", class: "primary" }, "As a table");
  const pin = element("button", { type: "button" }, "Pin");
  const clear = element("button", { type: "button" }, "Clear");
  wide.addEventListener("change", () => {
    width = Math.max(1, Math.min(500, Math.round(Number(wide.value) || 1)));
    wide.value = width;
    soon(0);
    viewer?.redraw();
  });
  pin.addEventListener("click", () => {
    pinned = [...pinned, ...found.map((one) => ({ ...one, pinned: true }))].slice(-MOST_LINES);
    chart();
  });
  clear.addEventListener("click", () => {
    pinned = [];
    marks.remove((one) => one.group === "profile");
  });
  table.addEventListener("click", () => {
    const [first] = found;
    if (!first) return;
    const lines = found.map(({ image, shape }) => ({ id: image.id, points: shape.points }));
    viewer.gesture("measured", { what: "profile", id: first.image.id, text: JSON.stringify({ lines, width, out: planes.chosen() }) });
  });
  plot.svg.addEventListener("pointermove", (event) => {
    if (!plot.range || !found.length) return;
    under = plot.at(event);
    spot();
    viewer.redraw();
  });
  plot.svg.addEventListener("pointerleave", () => {
    under = null;
    said.textContent = summary();
    viewer.redraw();
  });

  const mark = () => marks.of("profile").at(-1) ?? null;

  const soon = (wait = SOON) => {
    clearTimeout(timer);
    timer = setTimeout(ask, wait);
  };

  // The images that are seen, the current one first.
  const seen = () => {
    const shown = viewer.cells().flatMap((cell) => cell.images);
    const current = viewer.current();
    return [...new Set([current, ...shown])].filter((one) => one?.ready).slice(0, MOST_LINES);
  };

  const ask = () => {
    const line = held && mark();
    if (!line) {
      found = [];
      asking.drop();
      chart();
      return;
    }
    const wanted = seen().flatMap((image) => {
      const shape = shapeOn(line, image);
      const [[x0, y0], [x1, y1]] = shape?.points ?? [[0, 0], [0, 0]];
      return Math.hypot(x1 - x0, y1 - y0) > LEAST ? [{ image, shape }] : [];
    });
    if (!wanted.length) return; // it was only begun
    asking.run(
      (signal) =>
        Promise.all(
          wanted.map(async ({ image, shape }) => {
            const [[x0, y0], [x1, y1]] = shape.points;
            const out = planes.chosen().filter((name) => image.meta.masks.some((one) => one.name === name)).join(",");
            return { image, shape, told: await image.answer("profile", { x0, y0, x1, y1, width, out }, signal) };
          }),
        ),
      (answers) => {
        found = answers;
        chart();
      },
    );
  };

  const along = ({ told }) => told.arcsec ?? told.distance;
  const colourOf = (one, k) => (one.image.band ? `var(--tv-band-${one.image.band}, #ffb000)` : ["#ffb000", "#4cc2ff", "#ff6ad5", "#7ee081"][k % 4]);

  const chart = () => {
    const all = [...pinned, ...found];
    const unit = found[0]?.told.unit;
    plot.axes(all.flatMap(along), all.flatMap((one) => one.told.value), {
      x: all[0]?.told.arcsec ? "distance (arcsec)" : "distance (pixels)",
      y: unit ? `mean value (${unit})` : "mean value",
    });
    all.forEach((one, k) => plot.line(along(one), one.told.value, colourOf(one, k), one.pinned ? "4 3" : ""));
    keys.replaceChildren(
      ...all.map((one, k) => {
        const key = element("span", { class: "key" }, one.image.name + (one.pinned ? " (pinned)" : ""));
        key.style.setProperty("--ink", colourOf(one, k));
        return key;
      }),
    );
    for (const node of [table, pin]) node.disabled = !found.length;
    said.textContent = summary();
  };

  const summary = () => {
    if (!found.length) return "Drag a line across the image.";
    const [{ told }] = found;
    const left = told.count.filter((count) => !count).length;
    const far = along(found[0]).at(-1);
    const length = told.arcsec ? `${far.toFixed(2)}″ = ${told.distance.at(-1).toFixed(1)} px` : `${far.toFixed(1)} px`;
    return `${told.value.length.toLocaleString()} samples over ${length}${left ? `, ${left} without a value` : ""}`;
  };

  const nearest = () => {
    const xs = along(found[0]);
    let best = 0;
    xs.forEach((x, k) => {
      if (Math.abs(x - under) < Math.abs(xs[best] - under)) best = k;
    });
    return best;
  };

  const spot = () => {
    const k = nearest();
    const values = found.map(({ image, told }) => `${found.length > 1 ? `${image.name} ` : ""}${told.value[k] ?? "no value"}`);
    const { x, y } = found[0].told;
    said.textContent = `FITS ${(x[k] + 1).toFixed(1)} ${(y[k] + 1).toFixed(1)}: ${values.join("  ")}`.replaceAll("-", "−");
  };

  planes.watch(() => soon(0));
  marks.watch((what) => {
    // One line at a time: a new one takes the place of the old.
    const all = marks.of("profile");
    if (all.length > 1) marks.list = marks.list.filter((one) => one.group !== "profile" || one === all.at(-1));
    if (held && what !== "selected") soon();
  });

  return {
    name: "profile",
    title: "Line: values along it (Shift+P)",
    icon: "M3 16L17 4M3 19h14M2 12c3 0 3-6 6-6s3 8 6 8 2-3 4-3",
    key: "P",
    begin(given) {
      viewer = given;
      held = true;
      const buttons = element("div", { class: "line" }, table, pin, clear);
      const line = element("div", { class: "line" }, element("label", {}, "Width ", wide, " px"), planes.node(viewer));
      dock().show("Values along a line", plot.root, keys, said, line, buttons);
      chart();
      soon(0);
    },
    end() {
      held = false;
      clearTimeout(timer);
      asking.drop();
      hand.drop();
      dock().hide();
    },
    shown: () => held && soon(0),
    pointer: (...given) => hand.pointer(...given),
    draw(cell, group) {
      const all = marks.on(cell.image, "profile");
      drawMarks(group, cell, all, held ? marks.selected : 0, held);
      for (const [, { points }] of all) band(group, cell, points);
      const one = found.find(({ image }) => image === cell.image);
      if (under === null || !held || !one) return;
      const k = nearest();
      const [px, py] = cell.screen(one.told.x[k], one.told.y[k]);
      group.append(svgElement("circle", { class: "spot", cx: px, cy: py, r: 4 }));
    },
  };

  // The strip that is averaged over, when it is wide enough to be seen.
  function band(group, cell, [[x0, y0], [x1, y1]]) {
    if (width * scaleAt(cell, x0, y0) < 4) return;
    const length = Math.hypot(x1 - x0, y1 - y0) || 1;
    const [ox, oy] = [((y1 - y0) / length) * (width / 2), (-(x1 - x0) / length) * (width / 2)];
    const corners = [[x0 + ox, y0 + oy], [x1 + ox, y1 + oy], [x1 - ox, y1 - oy], [x0 - ox, y0 - oy]]; // prettier-ignore
    group.prepend(svgElement("path", { class: "strip", d: `M${corners.map(([x, y]) => cell.screen(x, y).join(" ")).join("L")}Z` }));
  }
}

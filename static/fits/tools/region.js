// The selected region in numbers: where it is, how large, its label and colour, and the statistics of its pixels.
import { debounce, element, gesture } from "../../parts/kit.js";
import { number } from "../readout.js";
import { latest, post } from "./dock.js";
import { inkOf } from "./ink.js";
import { Plot } from "./plot.js";
import { CLOSED, keepOn, shapeOn } from "./shapes.js";

const COLOURS = ["green", "red", "blue", "cyan", "magenta", "yellow", "white", "black"];
const SIZES = { circle: ["Radius"], annulus: ["Inner radius", "Outer radius"], ellipse: ["Half axis", "Half axis"], box: ["Width", "Height"] };
const ROWS = [
  ["n", "Pixels"], ["sum", "Sum"], ["mean", "Mean"], ["median", "Median"], ["std", "Std. dev."], ["mad_std", "σ by MAD"],
  ["min", "Minimum"], ["max", "Maximum"],
]; // prettier-ignore

export function regionForm(marks, planes, dock) {
  let viewer = null;
  const asking = latest((text) => dock().fail(text));
  const label = element("input", { type: "text", maxlength: 500, placeholder: "label", "aria-label": "Label of the region" });
  const colour = element("select", { "aria-label": "Colour" }, ...COLOURS.map((name) => element("option", { value: name }, name)));
  const swatch = element("span", { class: "swatch" });
  const places = element("input", { type: "text", class: "mono", "aria-label": "Centre" });
  const sizes = element("span", { class: "sizes" });
  const told = element("div", { class: "statistics" });
  const plot = new Plot({ height: 120, x: "value", y: "log₁₀ (1 + n)", label: "Histogram of the region" });
  const rows = element("span", { class: "line" }, "Rows inside:");
  for (const [mode, text, title] of [["and", "mark", "Mark the rows inside, instead of what regions marked before"], ["or", "add", "Mark them too"], ["and not", "take out", "Take them out of what is marked"]]) {
    const node = element("button", { type: "button", title }, text);
    node.addEventListener("click", () => mark(mode));
    rows.append(node);
  }
  const root = element("div", { class: "region", hidden: true }, element("div", { class: "line" }, label, swatch, colour), element("div", { class: "line" }, places, sizes), rows, told);
  const current = () => {
    const one = marks.current;
    return one?.group === "region" ? one : null;
  };
  label.addEventListener("change", () => current() && marks.change(current(), { text: label.value.trim() }));
  colour.addEventListener("change", () => current() && marks.change(current(), { color: colour.value }));
  places.addEventListener("change", () => place());
  const soon = debounce(() => measure(), 120);

  // What is typed as the centre: degrees on the sky, or FITS pixels on an image without.
  const place = () => {
    const one = current();
    const given = places.value.replaceAll("−", "-").trim().split(/[\s,]+/).map(Number);
    const good = given.length === 2 && given.every(Number.isFinite) && (one.image || Math.abs(given[1]) <= 90);
    if (!good) {
      dock().fail(one.image ? "Write two pixels, such as 100.5 200.5." : "Write degrees (ICRS), such as 62.01 -37.02.");
      return;
    }
    dock().fail("");
    const to = one.image ? given.map((value) => value - 1) : [((given[0] % 360) + 360) % 360, given[1]];
    const [[a, b]] = one.points;
    marks.change(one, { points: one.points.map(([u, v]) => [u + to[0] - a, v + to[1] - b]) });
  };

  const size = (k, value) => {
    const one = current();
    if (!(value > 0) || value > 1e6) dock().fail("A size is more than 0.");
    else marks.change(one, { sizes: one.sizes.with(k, value) });
  };

  const fields = (one) => {
    const names = SIZES[one.kind] ?? [];
    const unit = one.image ? "px" : "″";
    const inputs = one.sizes.slice(0, 4).map((value, k) => {
      const name = names[k] ?? "Size";
      const node = element("input", { type: "number", step: "any", min: 0, value: Number(value.toPrecision(6)), title: `${name} (${unit})`, "aria-label": `${name} (${unit})` });
      node.addEventListener("change", () => size(k, Number(node.value)));
      return node;
    });
    if (["ellipse", "box"].includes(one.kind)) {
      const title = one.image ? "Angle from x to y" : "Position angle of the first size";
      const node = element("input", { type: "number", step: "any", value: Number(one.angle.toFixed(3)), title, "aria-label": title });
      node.addEventListener("change", () => marks.change(one, { angle: ((Number(node.value) % 360) + 360) % 360 }));
      inputs.push(element("span", {}, "∠"), node);
    }
    sizes.replaceChildren(...inputs, ...(inputs.length ? [element("span", { class: "muted" }, unit)] : []));
  };

  const write = () => {
    const one = current();
    root.hidden = !one;
    if (!one) return;
    if (document.activeElement !== label) label.value = one.text;
    colour.value = COLOURS.includes(one.color) ? one.color : "";
    swatch.style.background = inkOf(one.color);
    const [[a, b]] = one.points;
    const digits = one.image ? 2 : 7;
    places.value = `${(one.image ? a + 1 : a).toFixed(digits)} ${(one.image ? b + 1 : b).toFixed(digits)}`.replaceAll("-", "−");
    places.title = one.image ? "FITS pixel" : "RA and Dec in degrees (ICRS)";
    fields(one);
    rows.hidden = !CLOSED.includes(one.kind) || Boolean(one.image);
  };

  const measure = () => {
    const one = current();
    const image = viewer?.current();
    const shape = one && image?.ready && CLOSED.includes(one.kind) ? shapeOn(one, image) : null;
    if (!shape) {
      asking.drop();
      told.replaceChildren();
      return;
    }
    const { kind, points, sizes: all, angle } = shape;
    const more = { out: planes.of(image) };
    const body = JSON.stringify({ kind, points, sizes: all, angle });
    asking.run(async (signal) => (await post(image, "statistics", more, body, signal)).json(), (found) => tell(found, image));
  };

  const tell = (found, image) => {
    const { unit, percentiles, histogram } = found;
    const table = element("table", {});
    const add = (name, value, wide = false) => table.append(element("tr", { class: wide && "wide" }, element("th", { scope: "row" }, name), element("td", {}, value)));
    for (const [key, name] of ROWS) {
      const value = found[key];
      add(name, key === "n" ? found.n.toLocaleString() : value === null ? "—" : `${number(value)} ${unit}`);
    }
    if (found.n) add("16 %, 84 %", `${number(percentiles["16"])}, ${number(percentiles["84"])} ${unit}`, true);
    if (image.lattice) add("Area", `${number(found.n * image.lattice.scale ** 2)} arcsec²`);
    const out = [["masked", "left out by mask"], ["not_finite", "without a value"], ["beside", "beside the image"]].filter(([key]) => found[key]);
    if (out.length) add("Not counted", out.map(([key, text]) => `${found[key] < 0 ? "many" : found[key].toLocaleString()} ${text}`).join(", "), true);
    told.replaceChildren(element("p", { class: "muted" }, `On ${image.name}`), table);
    if (histogram) {
      const logs = histogram.counts.map((count) => Math.log10(1 + count));
      plot.axes([histogram.low, histogram.high], [0, ...logs], { x: unit ? `value (${unit})` : "value" });
      plot.bars(histogram.low, histogram.high, logs);
      told.append(plot.root);
    }
  };

  const mark = (mode) => {
    const one = current();
    if (!one || one.image) return;
    const image = viewer.current();
    const kept = keepOn(shapeOn(one, image), image); // as it is seen, the sizes in arcsec
    gesture(viewer.model, "enclosed", { kind: one.kind, points: kept.points.flat(), sizes: kept.sizes, angle: kept.angle, mode });
  };

  return {
    root,
    label,
    show(given) {
      viewer = given;
      write();
      measure();
    },
    move() {
      write();
      soon();
    },
    measure,
    drop() {
      soon.cancel();
      asking.drop();
    },
  };
}

// How rows are drawn: the section of the layers panel with its choices, and the legend over the sky.
import { element } from "../parts/kit.js";
import { gradientOf, MAP_NAMES } from "./ramp.js";
import { SHAPES } from "./points.js";

const WAYS = [
  ["auto", "points, density when many"],
  ["points", "points"],
  ["density", "density"],
];
const GLYPHS = "○□◇△+×"; // of the shapes of classes, in the order of SHAPES
const round = (x) => String(Number(Number(x).toPrecision(4)));

export class RowPanel {
  // `tell(gesture, fields)` says what the user chose.
  constructor(frame, layer, tell) {
    Object.assign(this, { layer, tell });
    this.list = element("div", { class: "catalogs", role: "group", "aria-label": "Results on the sky" });
    this.legend = element("div", { class: "row-legend", role: "note", hidden: true });
    const choice = (name, label, options = []) => {
      const select = element("select", { "aria-label": label });
      select.append(...options.map(([value, text]) => element("option", { value }, text)));
      select.addEventListener("change", () => this.#chosen());
      this[name] = select;
      return element("label", { class: "pick" }, element("span", {}, label), select);
    };
    const ends = ["low", "high"].map((name) => {
      const word = name === "low" ? "from" : "to";
      const input = element("input", { type: "text", inputmode: "decimal", size: 7, "aria-label": `Colours ${word}` });
      input.addEventListener("change", () => this.#chosen());
      this[name] = input;
      return input;
    });
    this.body = frame.section("rows", "Rows");
    this.ranges = element("label", { class: "pick" }, element("span", {}, "Range"), ends[0], ends[1]);
    this.body.append(
      this.list,
      choice("way", "Draw as", WAYS),
      choice("colour", "Colour by"),
      choice("map", "Colour map", MAP_NAMES.map((name) => [name, name])),
      this.ranges,
      choice("size", "Size by"),
      choice("shape", "Shape", Object.keys(SHAPES).map((name) => [name, name === "class" ? "by class" : name])),
    );
    frame.root.append(this.legend);
  }

  #chosen() {
    const fields = ["way", "colour", "size", "shape", "map", "low", "high"];
    this.tell("painted", Object.fromEntries(fields.map((name) => [name, this[name].value.trim()])));
  }

  // The active catalogue (or null), what Python says of all, and the columns of the active one.
  show(catalog, infos, columns) {
    this.#list(infos);
    this.#choices(catalog?.info ?? null, columns);
    this.#legend(catalog);
  }

  #list(infos) {
    const key = JSON.stringify(infos.map(({ key, title, colour, shown, active, rows }) => [key, title, colour, shown, active, rows]));
    if (key === this.listed) return;
    this.listed = key;
    const lines = [...infos].reverse().map((info) => {
      const box = element("input", { type: "checkbox", checked: info.shown, disabled: info.active });
      box.addEventListener("change", () => this.tell("shown", { key: info.key, on: box.checked }));
      const swatch = element("i", { class: "swatch" });
      swatch.style.background = info.colour;
      const rows = element("span", { class: "number" }, info.rows.toLocaleString("en"));
      const title = element("span", { class: "title", title: info.title }, info.title);
      return element("label", { class: info.active ? "catalog active" : "catalog" }, box, swatch, title, rows);
    });
    this.list.replaceChildren(...lines);
  }

  #choices(info, columns) {
    this.body.querySelectorAll("select, .pick input").forEach((node) => (node.disabled = !info));
    if (!info) return;
    const { paint, scale } = info;
    const names = JSON.stringify(columns);
    if (names !== this.columns) {
      this.columns = names;
      const none = (text) => element("option", { value: "" }, text);
      const some = columns.map(({ name }) => element("option", { value: name }, name));
      const numbers = columns.filter(({ number }) => number).map(({ name }) => element("option", { value: name }, name));
      this.colour.replaceChildren(none("result"), ...some);
      this.size.replaceChildren(none("how many there are"), ...numbers);
    }
    const own = this.body.getRootNode().activeElement;
    for (const name of ["way", "colour", "size", "shape", "map"]) if (this[name] !== own) this[name].value = paint[name];
    for (const name of ["low", "high"]) {
      if (this[name] === own) continue;
      this[name].value = paint[name] ?? "";
      this[name].placeholder = scale && !scale.classes.length ? round(scale[name]) : "";
    }
    const numbers = Boolean(scale) && !scale.classes.length;
    this.ranges.hidden = !numbers;
    this.map.parentElement.hidden = !numbers;
  }

  #legend(catalog) {
    const scale = catalog?.info.scale;
    const dense = catalog?.dense && catalog.tiles.shown.length > 0;
    this.legend.hidden = !scale && !dense;
    if (this.legend.hidden) return;
    const bar = (texels, low, high, label) => {
      const strip = element("span", { class: "strip" });
      strip.style.background = gradientOf(texels);
      return [element("span", { class: "what" }, label), element("span", {}, low), strip, element("span", {}, high)];
    };
    const parts = [];
    if (scale?.classes.length) {
      parts.push(element("span", { class: "what" }, scale.label));
      for (const [i, one] of scale.classes.entries()) {
        const shaped = !dense && catalog.info.paint.shape === "class";
        const swatch = shaped ? element("b", {}, GLYPHS[i % GLYPHS.length]) : element("i", { class: "swatch" });
        const [r, g, b] = catalog.texels.subarray(4 * i, 4 * i + 3);
        swatch.style[shaped ? "color" : "background"] = `rgb(${r} ${g} ${b})`;
        parts.push(swatch, element("span", {}, one.name));
      }
    } else if (scale) {
      parts.push(...bar(catalog.texels, round(scale.low), round(scale.high), `${dense ? "mean " : ""}${scale.label}`));
    }
    if (dense && !scale) {
      parts.push(...bar(catalog.shades, "1", catalog.tiles.most.toLocaleString("en"), "rows in a bin, log"));
    }
    this.legend.replaceChildren(...parts);
  }

  close() {
    this.legend.remove();
    this.body.replaceChildren();
  }
}

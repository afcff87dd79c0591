// All columns: name, a small histogram, range and nulls of each, read when it comes into sight.
import { element, gesture } from "../parts/kit.js";
import { smallBars } from "./bars.js";

export class All {
  constructor(model, questions) {
    this.model = model;
    this.questions = questions;
    this.search = element("input", { type: "search", placeholder: "Search names, descriptions, UCDs", "aria-label": "Search columns" });
    this.list = element("ul", { class: "all" });
    this.none = element("p", { class: "muted" }, "No column is called so.");
    this.element = element("div", {}, this.search, this.list, this.none);
    this.rows = new Map();
    this.sight = new IntersectionObserver((seen) => seen.forEach((item) => item.isIntersecting && this.fetch(item.target)));
    this.search.addEventListener("input", () => this.sift());
  }

  columns() {
    this.sight.disconnect();
    this.rows.clear();
    for (const column of this.model.columns) {
      const picture = element("span", { class: "picture" });
      const range = element("span", { class: "muted cut" });
      const nulls = element("span", { class: "muted" });
      const button = element("button", { class: "quiet", title: column.description || column.name },
        element("span", { class: "cut mono name" }, column.name), element("span", { class: "muted cut" }, column.unit), picture, range, nulls);
      button.addEventListener("click", () => gesture(this.model, "opened", { column: column.name }));
      const row = element("li", {}, button);
      this.rows.set(row, { column, picture, range, nulls, version: -1, text: [column.name, column.description, column.ucd].join(" ").toLowerCase() });
    }
    this.list.replaceChildren(...this.rows.keys());
    this.sift();
    this.again();
  }

  // Those in sight are read again, the others when they come into sight.
  again() {
    this.sight.disconnect();
    for (const row of this.rows.keys()) this.sight.observe(row);
  }

  sift() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, { text }] of this.rows) {
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    this.none.hidden = shown > 0 || !this.rows.size;
  }

  async fetch(row) {
    const item = this.rows.get(row);
    const { version } = this.model;
    if (!item || item.version === version) return;
    item.version = version;
    const found = await this.questions.ask(this.model.url, { what: "brief", column: item.column.name });
    if (found === null) {
      item.version = -1;
      return;
    }
    const counts = found.histogram?.counts ?? found.frequent?.map(([, count]) => count) ?? [];
    item.picture.replaceChildren(...(counts.length ? [smallBars(counts)] : []));
    item.range.textContent = found.problem ?? (found.low || found.high ? `${found.low} … ${found.high}` : (found.frequent ?? []).map(([value]) => value).join(", "));
    item.range.title = item.range.textContent;
    item.nulls.textContent = found.nulls ? `${((100 * found.nulls) / found.read).toPrecision(2)} % null` : "";
    row.title = found.share ? `Estimated ${found.share}` : "";
  }
}

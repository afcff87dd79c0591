// One column closely: its histogram to brush, its figures, its most frequent values.
import { copyText } from "../grid/copy.js";
import { element, gesture } from "../parts/kit.js";
import { Bars } from "./bars.js";

export class One {
  constructor(model, questions) {
    this.model = model;
    this.questions = questions;
    this.column = "";
    this.found = null; // what is shown of it
    this.ticket = 0;
    this.log = element("input", { type: "checkbox" });
    this.exact = element("button", { class: "quiet", title: "Read every row, however long it takes" }, "All rows");
    this.copy = element("button", { class: "quiet", title: "Copy the figures as text" }, "Copy");
    this.title = element("strong", { class: "cut mono" });
    this.about = element("div", { class: "muted about" });
    this.share = element("div", { class: "warn", role: "status" });
    this.problem = element("div", { class: "tv-error", role: "alert" });
    this.filter = element("div", { class: "filter" });
    this.bars = new Bars((low, high) => gesture(model, "ranged", { column: model.column, kind: this.found.kind, low, high }));
    this.from = element("input", { "aria-label": "From", class: "mono", placeholder: "from" });
    this.to = element("input", { "aria-label": "To", class: "mono", placeholder: "to" });
    const keep = element("button", { type: "submit" }, "Filter");
    this.range = element("form", { class: "range", "aria-label": "Filter by a range" }, this.from, this.to, keep);
    this.figures = element("dl");
    this.frequent = element("div", { class: "frequent" });
    this.element = element("div", { class: "one" }, this.title, this.about, this.filter, this.problem, this.bars.element, this.range,
      element("div", { class: "tools" }, element("label", {}, this.log, " log"), this.exact, element("span", { class: "grow" }), this.copy), this.share, this.figures, this.frequent);
    this.log.addEventListener("change", () => this.fetch());
    this.exact.addEventListener("click", () => this.fetch(true));
    this.copy.addEventListener("click", () => this.write());
    this.range.addEventListener("submit", (event) => {
      event.preventDefault();
      const ends = [this.from.value, this.to.value].map((text) => Number(text.replace("−", "-")));
      const fine = this.from.value.trim() && this.to.value.trim() && ends.every(Number.isFinite);
      if (fine) gesture(model, "ranged", { column: model.column, kind: this.found.kind, low: ends[0], high: ends[1] });
      else this.problem.textContent = "Two numbers are wanted.";
    });
  }

  async fetch(exact = false) {
    const { column } = this.model;
    const ticket = ++this.ticket;
    if (column !== this.column) this.clear(column);
    this.head();
    this.element.classList.add("tv-busy");
    const fields = { what: "profile", column, log: Number(this.log.checked), exact: Number(exact) };
    const found = await this.questions.ask(this.model.url, fields);
    if (found === null || ticket !== this.ticket) return; // a newer question is on its way
    this.element.classList.remove("tv-busy");
    this.problem.textContent = found.problem ?? "";
    if (!found.problem) this.show(found);
  }

  // Nothing of another column is left to brush or to copy.
  clear(column) {
    this.column = column;
    this.found = null;
    this.bars.show(null);
    this.range.hidden = this.exact.hidden = this.frequent.hidden = true;
    this.problem.textContent = this.share.textContent = "";
    this.figures.replaceChildren();
  }

  head() {
    const about = this.model.columns.find((item) => item.name === this.model.column);
    this.title.textContent = about?.name ?? "";
    this.about.textContent = [about?.datatype, about?.unit, about?.ucd, about?.description].filter(Boolean).join(" · ");
    const text = this.model.filters[this.model.column];
    this.filter.hidden = !text;
    if (!text) return;
    const clear = element("button", { class: "quiet", "aria-label": "Remove this filter", title: "Remove this filter" }, "×");
    clear.addEventListener("click", () => gesture(this.model, "cleared", { column: this.model.column }));
    this.filter.replaceChildren("Filter ", element("code", {}, text), clear);
  }

  show(found) {
    this.found = found;
    this.bars.show(found);
    const numeric = found.kind === "number" || found.kind === "whole";
    this.range.hidden = !numeric || !found.histogram;
    this.log.parentElement.hidden = !numeric;
    this.exact.hidden = !found.share;
    this.share.textContent = found.share ? `Estimated ${found.share}.` : "";
    this.figures.replaceChildren(...found.figures.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
    const most = found.frequent[0]?.[1] ?? 1;
    const row = ([value, count]) => element("li", {}, element("span", { class: "cut", title: value }, value === "" ? "(empty)" : value),
      element("meter", { min: 0, max: most, value: count, "aria-hidden": "true" }), element("span", {}, count.toLocaleString("en")));
    this.frequent.hidden = !found.frequent.length;
    this.frequent.replaceChildren(element("h3", {}, "Most frequent values"), element("ul", {}, ...found.frequent.map(row)));
  }

  async write() {
    if (!this.found) return;
    const text = [this.model.column, ...this.found.figures.map((pair) => pair.join("\t"))].join("\n");
    try {
      await copyText(text);
      this.share.textContent = "Copied.";
    } catch {
      this.share.textContent = "The browser does not let this page copy; mark the figures and copy them.";
    }
  }
}

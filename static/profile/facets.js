// Columns of few values: each value with its rows under the other filters, to be ticked.
import { element, gesture } from "../parts/kit.js";

const OPEN = 15; // values

export class Facets {
  constructor(model, questions) {
    this.model = model;
    this.questions = questions;
    this.note = element("p", { class: "muted", role: "status" });
    this.groups = element("div");
    this.element = element("div", {}, this.note, this.groups);
    this.found = false; // whether it is known which columns have few values
    this.known = new Map(); // name -> where its values are drawn
  }

  async columns() {
    this.known.clear();
    this.found = false;
    this.groups.replaceChildren();
    this.note.textContent = "Looking for columns of few values …";
    const found = await this.questions.ask(this.model.url, { what: "facets" });
    if (found === null) return;
    this.found = !found.problem;
    const names = found.columns ?? [];
    this.note.textContent = found.problem ?? (names.length ? "" : "No column has 50 values or fewer.");
    for (const name of names) {
      const list = element("ul", { class: "values" });
      this.known.set(name, list);
      this.groups.append(element("details", { open: true }, element("summary", { class: "mono" }, name), list));
    }
    await this.again();
  }

  again() {
    // Rows that came meanwhile had the question for the columns dropped.
    if (!this.found) return this.columns();
    return Promise.all([...this.known].map(([name, list]) => this.fetch(name, list)));
  }

  async fetch(name, list) {
    const found = await this.questions.ask(this.model.url, { what: "facet", column: name });
    if (found === null || this.known.get(name) !== list) return;
    if (found.problem) {
      list.replaceChildren(element("li", { class: "tv-error" }, found.problem));
      return;
    }
    // A long list waits to be opened, unless something in it is ticked already.
    if (!list.children.length) list.parentElement.open = found.values.length <= OPEN || found.values.some(([, , ticked]) => ticked);
    const focused = list.getRootNode().activeElement?.closest?.("li")?.dataset.value;
    const most = Math.max(1, ...found.values.map(([, count]) => count));
    list.replaceChildren(...found.values.map(([value, count, ticked]) => {
      const box = element("input", { type: "checkbox", checked: ticked });
      const text = element("span", { class: value === null ? "muted cut" : "cut" }, value === null ? "null" : value === "" ? "(empty)" : value);
      const row = element("li", { "data-value": value === null ? "null:" : `is:${value}` },
        element("label", {}, box, text, element("meter", { min: 0, max: most, value: count, "aria-hidden": "true" }), element("span", { class: "count" }, count.toLocaleString("en"))));
      box.addEventListener("change", () => this.tick(name, list, found.values));
      return row;
    }));
    if (focused !== undefined) list.querySelector(`li[data-value=${CSS.escape(focused)}] input`)?.focus();
  }

  tick(name, list, values) {
    const on = values.filter((_, place) => list.children[place].querySelector("input").checked).map(([value]) => value);
    gesture(this.model, "ticked", { column: name, values: on.filter((value) => value !== null), null: on.includes(null) });
  }
}

// The form of one computed column: fields, the place of an error, values of the first rows.
import { completing } from "../parts/complete.js";
import { debounce, element, gesture } from "../parts/kit.js";

const TYPES = [["", "as computed"], ["double", "double"], ["float", "float"], ["long", "long"], ["int", "int"], ["boolean", "boolean"], ["char", "text"]];
const WAIT = 250; // ms after the last key before the preview is asked for
const PLAIN = /^[A-Za-z_]\w*$/;

export class Form {
  constructor(model) {
    this.model = model;
    this.old = ""; // the column that is being changed
    this.words = [];
    const field = (name, more = {}) => element("input", { name, autocomplete: "off", spellcheck: "false", ...more });
    this.fields = {
      name: field("name", { placeholder: "g_r" }),
      expression: element("textarea", { name: "expression", rows: 3, spellcheck: "false", autocomplete: "off", placeholder: "g_psfMag - r_psfMag" }),
      datatype: element("select", { name: "datatype" }, ...TYPES.map(([value, words]) => element("option", { value }, words))),
      unit: field("unit", { placeholder: "mag" }),
      ucd: field("ucd", { placeholder: "phot.color" }),
      description: field("description"),
    };
    const labelled = (words, node) => element("label", {}, words, node);
    const f = this.fields;
    this.problem = element("p", { class: "problem tv-error", role: "alert", hidden: true });
    this.preview = element("div", { class: "preview" });
    this.note = element("div", { class: "muted", role: "status" });
    this.save = element("button", { class: "primary", type: "submit" }, "Add column");
    this.cancel = element("button", { type: "button" }, "Clear");
    this.element = element("form", { "aria-label": "A computed column" }, labelled("Name", f.name), labelled("Expression", completing(f.expression, () => this.words)),
      this.problem, this.preview, this.note, element("div", { class: "pair" }, labelled("Unit", f.unit), labelled("Type", f.datatype)),
      labelled("UCD", f.ucd), labelled("Description", f.description), element("div", { class: "buttons" }, this.save, this.cancel));
    this.ask = debounce(() => this.send("tried"), WAIT);
    this.element.addEventListener("input", () => this.ask());
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask.cancel();
      this.send("saved");
    });
    f.expression.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.element.requestSubmit();
    });
    this.cancel.addEventListener("click", () => this.clear());
    this.columns();
  }

  values() {
    return Object.fromEntries(Object.entries(this.fields).map(([name, node]) => [name, node.value]));
  }

  send(name) {
    const values = this.values();
    if (name === "tried" && !values.expression.trim()) return this.quiet();
    gesture(this.model, name, { ...values, old: this.old });
  }

  columns() {
    const columns = this.model.columns.map(([name, unit]) => ({ name, note: unit, insert: PLAIN.test(name) ? name : `"${name.replaceAll('"', '""')}"` }));
    this.words = [...columns, ...this.model.functions.map((name) => ({ name, note: "function", insert: `${name}()` }))];
  }

  fill(item) {
    if (!item.expression) return;
    for (const [name, node] of Object.entries(this.fields)) node.value = item[name] ?? "";
    this.send("tried");
  }

  edit(item) {
    this.old = item.name;
    this.save.textContent = "Save changes";
    this.cancel.textContent = "Cancel";
    this.fill(item);
    this.fields.expression.focus();
  }

  clear() {
    this.ask.cancel();
    this.old = "";
    this.save.textContent = "Add column";
    this.cancel.textContent = "Clear";
    this.element.reset();
    this.quiet();
  }

  quiet() {
    this.problem.hidden = true;
    this.preview.replaceChildren();
    this.note.textContent = "";
    for (const node of Object.values(this.fields)) node.classList.remove("bad");
  }

  // What Python says of the text as it was sent; the place is marked in a copy of it.
  answer() {
    const { field, message, start, length, text } = this.model.problem;
    this.quiet();
    if (message) {
      this.fields[field]?.classList.add("bad");
      this.problem.hidden = false;
      const parts = [message];
      if (field === "expression" && text) {
        parts.push(element("code", {}, text.slice(0, start), element("mark", {}, text.slice(start, start + length) || " "), text.slice(start + length)));
      }
      this.problem.replaceChildren(...parts);
      if (field === "expression") return;
    }
    const { names, rows, note } = this.model.preview;
    if (!names) return;
    const cell = (value) => element("td", { class: value === null ? "null" : null }, value ?? "null");
    this.preview.replaceChildren(element("table", { "aria-label": "First rows" }, element("thead", {}, element("tr", {}, ...names.map((name) => element("th", { title: name }, name)))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell))))));
    this.note.textContent = note;
  }
}

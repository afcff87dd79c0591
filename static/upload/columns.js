// The columns of a file as a table to correct: kept or not, name, type, unit, description, with values beside them.
import { debounce, element } from "../parts/kit.js";

export const TYPES = [["boolean", "boolean"], ["short", "short"], ["int", "int"], ["long", "long"], ["float", "float"],
  ["double", "double"], ["char", "text"]];
const SHOWN = 300; // rows of the list at once; more are found by their name
const WORDS = Object.fromEntries([...TYPES, ["unicodeChar", "text"], ["unsignedByte", "byte"]]);

export class Columns {
  // `retyped()` when a type was changed: the file reads differently then.
  constructor(retyped) {
    this.columns = [];
    this.edits = new Map();
    this.find = element("input", { type: "search", placeholder: "Find a column", "aria-label": "Find a column" });
    this.all = element("button", { class: "quiet" }, "All");
    this.none = element("button", { class: "quiet" }, "None");
    this.count = element("span", { class: "muted" });
    this.bar = element("div", { class: "line" }, this.find, this.all, this.none, this.count);
    this.body = element("tbody");
    const head = element("tr", {}, ...["", "Name", "Type", "Unit", "Description", "First values"].map((words) => element("th", { scope: "col" }, words)));
    this.node = element("div", { class: "scroll columns", role: "region", "aria-label": "Columns", tabindex: "0" },
      element("table", {}, element("thead", {}, head), this.body));
    this.retyped = retyped;
    this.find.addEventListener("input", debounce(() => this.draw(), 120));
    const every = (keep) => () => {
      for (const column of this.matching()) this.edit(column).keep = keep;
      this.draw();
    };
    this.all.addEventListener("click", every(true));
    this.none.addEventListener("click", every(false));
  }

  // What the user has said of columns of the same name stays.
  fill(columns, forget) {
    if (forget) {
      this.edits = new Map();
      this.find.value = "";
    }
    this.columns = columns;
    this.draw();
  }

  edit(column) {
    if (!this.edits.has(column.name)) {
      this.edits.set(column.name, { keep: true, name: column.name, type: "", unit: column.unit, description: column.description });
    }
    return this.edits.get(column.name);
  }

  matching() {
    const words = this.find.value.toLowerCase().trim();
    return this.columns.filter((column) => !words || `${column.name}\n${column.description}\n${column.ucd}`.toLowerCase().includes(words));
  }

  draw() {
    const found = this.matching();
    this.body.replaceChildren(...found.slice(0, SHOWN).map((column) => this.row(column)));
    this.tell(found.length);
    this.find.hidden = this.columns.length < 12;
  }

  tell(found = this.matching().length) {
    const kept = this.columns.filter((column) => this.edit(column).keep).length;
    const more = found > SHOWN ? ` · ${SHOWN} of ${found} listed` : "";
    this.count.textContent = `${kept} of ${this.columns.length} columns kept${more}`;
  }

  row(column) {
    const edit = this.edit(column);
    const field = (key, label) => {
      const input = element("input", { value: edit[key], "aria-label": `${label} of ${column.name}`, maxlength: "500", spellcheck: "false" });
      input.addEventListener("input", () => { edit[key] = input.value; });
      return input;
    };
    const keep = element("input", { type: "checkbox", checked: edit.keep, "aria-label": `Keep ${column.name}` });
    const found = column.array ? `${WORDS[column.datatype] ?? column.datatype}[]` : WORDS[column.datatype] ?? column.datatype;
    const type = element("select", { "aria-label": `Type of ${column.name}`, disabled: column.array },
      element("option", { value: "" }, edit.type ? "as found" : found),
      ...TYPES.filter(([value]) => value === edit.type || WORDS[value] !== found).map(([value, words]) => element("option", { value }, words)));
    type.value = edit.type;
    const samples = column.sample ?? "";
    const line = element("tr", { class: edit.keep ? "" : "off" }, element("td", {}, keep), element("td", { class: "title" }, field("name", "Name")),
      element("td", { class: "type" }, type), element("td", { class: "unit" }, field("unit", "Unit")), element("td", {}, field("description", "Description")),
      element("td", { class: "sample", title: samples }, samples));
    keep.addEventListener("change", () => {
      edit.keep = keep.checked;
      line.className = edit.keep ? "" : "off";
      this.tell();
    });
    type.addEventListener("change", () => {
      edit.type = type.value;
      this.retyped();
    });
    return line;
  }

  // name=type lines of what was changed, as the preview takes them.
  types() {
    return this.columns.map((column) => [column.name, this.edit(column).type]).filter(([, type]) => type).map((pair) => pair.join("=")).join("\n");
  }

  // Parallel lists of the columns kept.
  kept() {
    const kept = this.columns.filter((column) => this.edit(column).keep);
    const of = (key) => kept.map((column) => this.edit(column)[key] ?? "");
    return { columns: kept.map((column) => column.name), names: of("name"), types: of("type"), units: of("unit"), descriptions: of("description") };
  }
}

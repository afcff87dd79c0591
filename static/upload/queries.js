// Tables that queries can name as TAP_UPLOAD.<name>: made of results, renamed, removed, searched with.
import { element, gesture } from "../parts/kit.js";

function select(label, values, chosen) {
  const node = element("select", { "aria-label": label }, ...values.map((value) => element("option", { value }, value)));
  if (values.includes(chosen)) node.value = chosen;
  return node;
}

export class Queries {
  constructor(model) {
    this.model = model;
    this.tables = null;
    this.said = new Map(); // what the user chose for each upload, kept when the list is drawn anew
    this.service = element("div", { class: "muted" });
    this.making = element("div", { class: "line" });
    this.result = element("div", { class: "card" });
    this.list = element("div", { style: "display:contents" });
    this.which = element("select", { "aria-label": "Result to use in queries" });
    this.name = element("input", { class: "name", "aria-label": "Name for the rows of this result", maxlength: "64" });
    this.use = element("button", {}, "Use in queries");
    this.result.append(element("div", { class: "line" }, "A result, its rows and columns as shown:", this.which, element("span", { class: "grow" }),
      element("label", {}, "TAP_UPLOAD.", this.name), this.use));
    this.which.addEventListener("change", () => {
      this.picked = true;
      this.propose();
    });
    this.name.addEventListener("input", () => { this.named = true; });
    this.use.addEventListener("click", () => {
      gesture(model, "shared", { key: this.which.value, name: this.name.value });
      this.named = this.picked = false;
    });
    this.node = element("div", { class: "body" }, this.service, this.making, this.result, this.list);
    this.draw();
  }

  async load() {
    if (this.tables) return;
    this.tables = [];
    try {
      const response = await fetch(this.model.tables_url);
      this.tables = response.ok ? (await response.json()).tables : null;
    } catch {
      this.tables = null; // asked again when the tab is opened again
    }
    this.draw();
  }

  draw() {
    this.drawLines();
    this.drawResult();
    this.list.replaceChildren(...this.model.uploads.map((upload) => this.card(upload)));
  }

  drawLines() {
    const { model } = this;
    this.service.textContent = `A query that names TAP_UPLOAD.<name> takes that table along. ${model.service}`;
    const stop = element("button", {}, "Stop");
    stop.addEventListener("click", () => gesture(model, "stopped"));
    this.making.hidden = !model.making;
    this.making.replaceChildren(element("progress", {}), element("span", { role: "status" }, model.making), stop);
    this.use.disabled = Boolean(model.making);
  }

  // Rows may still come while a name is being typed: choice and name stay.
  drawResult() {
    const { results } = this.model;
    const { which } = this;
    const was = which.value;
    this.result.hidden = !results.length;
    which.replaceChildren(...results.map((item) => element("option", { value: item.key }, `${item.title} (${item.note})`)));
    if ((this.picked || this.named) && results.some((item) => item.key === was)) which.value = was;
    if (which.value !== was || !this.named) this.propose();
  }

  propose() {
    this.named = false;
    this.name.value = this.model.results.find((item) => item.key === this.which.value)?.name ?? "";
  }

  card(upload) {
    const { model } = this;
    const name = element("input", { class: "name", value: upload.name, "aria-label": `Name of ${upload.name} in queries`, maxlength: "64" });
    const rename = () => name.value.trim() !== upload.name && gesture(model, "renamed", { key: upload.key, name: name.value });
    name.addEventListener("change", rename);
    const remove = element("button", { "aria-label": `Remove TAP_UPLOAD.${upload.name}` }, "Remove");
    remove.addEventListener("click", () => gesture(model, "removed", { key: upload.key }));
    const head = element("div", { class: "line" }, element("label", { class: "name" }, "TAP_UPLOAD.", name),
      element("span", { class: "muted grow cut" }, `${upload.title} · ${upload.note}`), remove);
    return element("div", { class: "card", "data-upload": upload.name }, head, this.search(upload));
  }

  // "Find in <table> within <radius> of its positions": one line, its parts shown as they are needed.
  search(upload) {
    const hows = [["place", "near these positions"], ["id", "with these ids"]].filter(([how]) => (how === "place" ? upload.places.length : upload.ids.length));
    if (upload.regions) hows.unshift(["region", "inside these regions"]);
    if (!hows.length) return element("div", { class: "muted" }, "It has neither positions nor ids to search the archive with.");
    if (!this.tables?.length) return element("div", { class: "muted" }, "Reading the tables of the service …");
    if (!this.said.has(upload.key)) this.said.set(upload.key, { how: hows[0][0], table: "", radius: "1", column: "", target: "", inside: false });
    const said = this.said.get(upload.key);
    const line = element("div", { class: "line" });
    const draw = () => {
      const fit = this.tables.filter((table) => (said.how === "id" ? table.ids.length : table.ra));
      const names = fit.map((table) => table.name);
      if (!names.includes(said.table)) said.table = names.find((item) => item === "dp1.Object") ?? names[0] ?? "";
      const table = fit.find((item) => item.name === said.table);
      const pick = (key, label, values) => {
        const node = select(label, values, said[key]);
        said[key] = node.value;
        node.addEventListener("change", () => { said[key] = node.value; draw(); });
        return node;
      };
      const how = element("select", { "aria-label": "How to search" }, ...hows.map(([value, words]) => element("option", { value }, words)));
      how.value = said.how;
      how.addEventListener("change", () => { said.how = how.value; draw(); });
      const parts = ["Find in", pick("table", "Table of the archive", names), how];
      if (said.how === "place") {
        const radius = element("input", { class: "narrow", type: "number", min: "0", step: "any", value: said.radius, "aria-label": "Radius in arcsec" });
        radius.addEventListener("input", () => { said.radius = radius.value; });
        parts.push("within", radius, "arcsec");
      } else if (said.how === "id") {
        if (!table?.ids.includes(said.column)) said.column = "";
        const same = table?.ids.find((id) => upload.ids.includes(id));
        if (!said.column && same) Object.assign(said, { column: same, target: same });
        parts.push(pick("column", "Column of the archive's table", table?.ids ?? []), "=", pick("target", "Column of ids", upload.ids));
      }
      const inside = element("input", { type: "checkbox", checked: said.inside || !this.model.inline, disabled: !this.model.inline || said.how === "region" });
      inside.addEventListener("change", () => { said.inside = inside.checked; });
      const write = element("button", { class: "primary", disabled: !table }, "Write the query");
      write.addEventListener("click", () => gesture(this.model, "sought", { key: upload.key, table: said.table, how: said.how, radius: Number(said.radius) || 0,
        column: said.column, target: said.target, inside: inside.checked }));
      line.replaceChildren(...parts, element("label", { title: "Write ids or circles out instead of sending the table along" }, inside, "targets in the query"),
        element("span", { class: "grow" }), write);
    };
    draw();
    return line;
  }
}

// Computed columns: what there are, and a form for one more with a preview while it is written.
import controls from "./parts/controls.css";
import { Form } from "./derive/form.js";
import sheet from "./derive/derive.css";
import { presetPicker } from "./derive/presets.js";
import { completionStyle } from "./parts/complete.js";
import { addStyle, element, gesture } from "./parts/kit.js";

export function render({ model, el }) {
  addStyle(el, controls + completionStyle + sheet);
  const form = new Form(model);
  const empty = element("p", { class: "muted", role: "status" });
  const list = element("ul", { class: "made" });
  const heading = element("h3", {}, "Computed columns");
  const presets = presetPicker(model);
  const body = element("div", { class: "body" }, presets.element, form.element, heading, list);
  el.append(empty, body);

  const row = (item) => {
    const edit = element("button", { class: "quiet", "aria-label": `Edit ${item.name}`, title: "Edit" }, "✎");
    const drop = element("button", { class: "quiet", "aria-label": `Delete ${item.name}`, title: "Delete" }, "×");
    edit.addEventListener("click", () => form.edit(item));
    drop.addEventListener("click", () => gesture(model, "dropped", { name: item.name }));
    const words = element("div", { class: "grow" }, element("strong", { class: "cut" }, item.name), element("code", { class: "cut", title: item.expression }, item.expression));
    return element("li", {}, words, edit, drop);
  };
  const sync = () => {
    empty.textContent = model.message;
    empty.hidden = !model.message;
    body.hidden = Boolean(model.message);
    heading.hidden = !model.derived.length;
    list.replaceChildren(...model.derived.map(row));
  };
  for (const name of ["message", "derived"]) model.on(name, sync);
  model.on("columns", () => form.columns());
  model.on("presets", () => presets.show());
  model.on("proposal", () => form.fill(model.proposal));
  for (const name of ["problem", "preview"]) model.on(name, () => form.answer());
  model.on("saved_count", () => form.clear());
  sync();
  presets.show();
}

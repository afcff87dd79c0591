// The line above a chart: what is on each axis (a column or an expression), and a message.
import controls from "./parts/controls.css";
import { addStyle, element, gesture } from "./parts/kit.js";

const sheet = `
  .bar { border-bottom: 1px solid var(--tv-line, #d8dee4); }
  input { width: 0; flex: 1 1 90px; max-width: 260px; }
  .bad { border-color: var(--tv-error, #c62828); }
  .error { padding: 2px 10px; }
`;

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const columns = element("datalist", { id: "columns" });
  const field = (name) => element("input", { class: "mono", list: "columns", "aria-label": `${name} axis: column or expression`,
    title: `${name} axis: a column or an expression such as gmag - rmag`, spellcheck: "false", autocomplete: "off", name });
  const x = field("x");
  const y = field("y");
  const swap = element("button", { class: "quiet", title: "Exchange x and y", "aria-label": "Exchange x and y" }, "⇄");
  const note = element("span", { class: "muted cut", role: "status" });
  const error = element("div", { class: "error tv-error", role: "alert" });
  el.append(element("div", { class: "bar" }, element("span", { class: "muted" }, "x"), x, swap, element("span", { class: "muted" }, "y"), y,
    element("span", { class: "grow" }), note), error, columns);

  // What is being typed stays: axes that come meanwhile belong to rows that have just arrived.
  const typed = new Set();
  const sync = () => {
    for (const box of [x, y]) if (!typed.has(box)) box.value = model[box.name];
  };
  const words = () => {
    note.textContent = model.note;
    note.title = model.note;
    error.textContent = model.error;
    error.hidden = !model.error;
    x.classList.toggle("bad", Boolean(model.error));
    y.classList.toggle("bad", Boolean(model.error));
  };
  const list = () => {
    columns.replaceChildren(...model.columns.map((name) => element("option", { value: name })));
    for (const hand of [x, y, swap]) hand.disabled = !model.columns.length; // no result, so nothing to choose from
  };
  const send = () => {
    typed.clear();
    if (x.value.trim() && y.value.trim()) gesture(model, "chosen", { x: x.value.trim(), y: y.value.trim() });
  };
  for (const box of [x, y]) {
    box.addEventListener("input", () => typed.add(box));
    box.addEventListener("change", send);
    box.addEventListener("blur", () => typed.delete(box));
  }
  swap.addEventListener("click", () => {
    [x.value, y.value] = [y.value, x.value];
    send();
  });
  for (const name of ["x", "y"]) model.on(name, sync);
  model.on("note", words);
  model.on("error", () => {
    words();
    if (!model.error) sync(); // a text that was refused goes with what was said of it
  });
  model.on("columns", list);
  sync();
  words();
  list();
}

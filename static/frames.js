// The line above the image viewer: the row's images or those opened, how much of them, more of them, progress.
import controls from "./parts/controls.css";
import { addStyle, element, gesture } from "./parts/kit.js";

const sheet = `
  .bar { min-height: 28px; padding: 1px 6px; gap: 2px 4px; flex-wrap: nowrap; position: relative; }
  .bar button, .bar select { min-height: 22px; padding: 1px 6px; }
  .group { display: inline-flex; }
  .group button { border-radius: 0; margin-left: -1px; }
  .group button:first-child { border-radius: 6px 0 0 6px; margin-left: 0; }
  .group button:last-child { border-radius: 0 6px 6px 0; }
  .note { color: var(--tv-warn, #9a6700); }
  .menu { right: 4px; top: 27px; width: max-content; max-width: 300px; }
  .menu form { display: flex; gap: 4px; padding: 4px 8px; }
  .menu input { flex: 1 1 150px; }
`;

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const row = element("button", { title: "Images of the current row; they change with it" }, "Row");
  const kept = element("button", { title: "Images that were opened; they stay" });
  const group = element("span", { class: "group", role: "group", "aria-label": "Which images" }, row, kept);
  const size = element("select", { "aria-label": "How much of the image", title: "How much of the image" });
  const words = element("span", { class: "cut grow muted", role: "status" });
  const note = element("span", { class: "cut note" });
  const stop = element("button", { class: "quiet" }, "Stop");
  const more = element("button", { "aria-haspopup": "true", "aria-expanded": "false" }, "More ▾");
  const list = element("div");
  const address = element("input", { type: "url", placeholder: "https://…/image.fits", "aria-label": "Address of a FITS file" });
  const form = element("form", {}, address, element("button", {}, "Open"));
  const shut = element("button", {}, "Close all opened images");
  const menu = element("div", { class: "menu", hidden: true }, list, element("div", { class: "head" }, "FITS file at an address"), form, shut);
  const bar = element("div", { class: "bar" }, group, size, words, note, stop, more, menu);
  el.append(bar);

  const open = (on) => {
    menu.hidden = !on;
    more.setAttribute("aria-expanded", String(on));
    if (on) (list.querySelector("button") ?? address).focus();
  };
  const sync = () => {
    row.setAttribute("aria-pressed", String(model.follow));
    kept.setAttribute("aria-pressed", String(!model.follow));
    kept.textContent = `Opened ${model.opened_count || ""}`.trim();
    kept.disabled = !model.opened_count;
    shut.hidden = !model.opened_count;
    size.hidden = model.sizes.length < 2;
    size.replaceChildren(...model.sizes.map((name) => element("option", { value: name, selected: name === model.size }, name)));
    words.textContent = model.progress;
    words.title = model.progress;
    stop.hidden = !model.progress;
    note.textContent = model.note;
    note.title = model.note;
    note.hidden = !model.note || Boolean(model.progress);
    const buttons = model.offers.map(({ label, note: hint }, place) => {
      const button = element("button", { title: hint }, label);
      button.addEventListener("click", () => {
        open(false);
        gesture(model, "offered", { place });
      });
      return button;
    });
    list.replaceChildren(...buttons);
  };
  row.addEventListener("click", () => gesture(model, "followed", { on: true }));
  kept.addEventListener("click", () => gesture(model, "followed", { on: false }));
  size.addEventListener("change", () => gesture(model, "sized", { size: size.value }));
  stop.addEventListener("click", () => gesture(model, "stopped"));
  more.addEventListener("click", () => open(menu.hidden));
  shut.addEventListener("click", () => {
    open(false);
    gesture(model, "cleared");
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!address.value.trim()) return;
    open(false);
    gesture(model, "opened", { url: address.value.trim() });
    address.value = "";
  });
  bar.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || menu.hidden) return;
    open(false);
    more.focus();
    event.preventDefault();
  });
  const away = (event) => menu.hidden || event.composedPath().includes(bar) || open(false);
  document.addEventListener("pointerdown", away);
  model.on("remove", () => document.removeEventListener("pointerdown", away));
  for (const name of ["follow", "opened_count", "offers", "size", "sizes", "progress", "note"]) model.on(name, sync);
  sync();
}

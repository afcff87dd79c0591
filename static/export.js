// A menu of download links: each format, for the whole result, the filtered rows or the marked ones.
import controls from "./parts/controls.css";
import { addStyle, element } from "./parts/kit.js";

const sheet = `
  :host { position: relative; }
  .menu { position: fixed; min-width: 230px; }
  .scopes { display: flex; gap: 4px; padding: 4px; flex-wrap: wrap; }
`;

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const button = element("button", { "aria-haspopup": "menu", "aria-expanded": "false", title: "Save as a file" }, "Export");
  const menu = element("div", { class: "menu", role: "menu", hidden: true });
  el.append(button, menu);
  let scope = 0;

  const draw = () => {
    button.disabled = !model.url;
    scope = Math.min(scope, Math.max(0, model.scopes.length - 1));
    const scopes = model.scopes.map((item, place) => {
      const choice = element("button", { "aria-pressed": String(place === scope) }, item.label);
      choice.addEventListener("click", () => { scope = place; draw(); });
      return choice;
    });
    const links = model.formats.map((format) => {
      const query = new URLSearchParams({ format: format.name, scope: model.scopes[scope]?.name ?? "all" });
      return element("a", { role: "menuitem", href: `${model.url}?${query}`, download: "", "data-format": format.name },
        format.label, element("span", { class: "muted" }, format.note ?? ""));
    });
    menu.replaceChildren(...(scopes.length > 1 ? [element("div", { class: "scopes" }, ...scopes)] : []), ...links);
  };
  // Below the button and inside the window, wherever the panes round it end.
  const place = () => {
    const at = button.getBoundingClientRect();
    const { width, height } = menu.getBoundingClientRect();
    menu.style.left = `${Math.max(4, Math.min(at.right - width, innerWidth - width - 4))}px`;
    menu.style.top = `${at.bottom + height + 4 < innerHeight ? at.bottom + 4 : Math.max(4, at.top - height - 4)}px`;
  };
  const open = (on) => {
    menu.hidden = !on;
    if (on) place();
    button.setAttribute("aria-expanded", String(on));
  };
  button.addEventListener("click", () => open(menu.hidden));
  menu.addEventListener("click", (event) => { if (event.target.closest("a")) open(false); });
  // On the document: choosing a scope draws the menu anew, and the focus goes with the old button.
  const escape = (event) => { if (event.key === "Escape" && !menu.hidden) { open(false); button.focus(); } };
  const outside = (event) => { if (!event.composedPath().includes(el)) open(false); };
  document.addEventListener("keydown", escape);
  document.addEventListener("pointerdown", outside);
  model.on("remove", () => {
    document.removeEventListener("keydown", escape);
    document.removeEventListener("pointerdown", outside);
  });
  for (const name of ["url", "scopes", "formats"]) model.on(name, draw);
  draw();
}

// Example queries and the page's own history; a click puts one into the editor.
import controls from "./parts/controls.css";
import { addStyle, element, gesture } from "./parts/kit.js";

const sheet = `
  :host { height: 100%; }
  .box { position: absolute; inset: 0; display: flex; flex-direction: column; }
  .tabs { display: flex; gap: 2px; padding: 4px 6px; border-bottom: 1px solid var(--tv-line, #d8dee4); }
  .list { overflow: auto; flex: 1 1 auto; padding: 4px; display: flex; flex-direction: column; gap: 1px; }
  .list button { flex: none; border: 0; background: transparent; text-align: left; display: block; padding: 5px 7px; white-space: normal; }
  .list small { display: block; color: var(--tv-muted, #656d76); }
  .list .mono { display: -webkit-box; -webkit-line-clamp: 3; -webkit-box-orient: vertical; overflow: hidden; overflow-wrap: anywhere; }
`;

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const list = element("div", { class: "list", role: "tabpanel" });
  const tabs = ["Examples", "History"].map((name) => element("button", { class: "quiet", role: "tab" }, name));
  el.append(element("div", { class: "box" }, element("div", { class: "tabs", role: "tablist" }, ...tabs), list));
  let shown = 0;

  const draw = () => {
    tabs.forEach((tab, place) => tab.setAttribute("aria-selected", String(place === shown)));
    const items = shown === 0 ? model.examples : model.history;
    list.replaceChildren(...items.map((item) => {
      const title = shown === 0 ? item.title : "";
      const button = element("button", { title: item.adql },
        ...(title ? [title, element("small", {}, item.note ?? "")] : [element("span", { class: "mono" }, item.adql), element("small", {}, item.note ?? "")]));
      button.addEventListener("click", () => gesture(model, "picked", { adql: item.adql }));
      return button;
    }));
    if (!items.length) list.append(element("p", { class: "muted", style: "padding: 4px 8px" }, "Queries you run on this page are kept here."));
  };
  tabs.forEach((tab, place) => tab.addEventListener("click", () => { shown = place; draw(); }));
  model.on("examples", draw);
  model.on("history", draw);
  draw();
}

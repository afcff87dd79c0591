// The panel of the sky view's layers: one section for each kind of thing that lies on the sky. Knows none of them.
import { element } from "../parts/kit.js";

export class Layers {
  constructor() {
    this.button = element("button", { type: "button", class: "wide", "aria-expanded": "false", hidden: true }, "Layers");
    this.body = element("div", { class: "sections" });
    this.panel = element("div", { class: "layers", role: "region", "aria-label": "Layers", hidden: true }, this.body);
    this.sections = new Map();
    this.button.addEventListener("click", () => this.toggle());
    this.panel.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the keys of the sky are letters
      if (event.key === "Escape") this.toggle(false);
    });
  }

  toggle(open = this.panel.hidden) {
    this.panel.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    if (!open) this.button.focus();
  }

  // The element that holds the controls of one kind of layer; made when first asked for, in the order of asking.
  section(name, title) {
    if (!this.sections.has(name)) {
      const body = element("div", { class: "section-body" });
      const box = element("details", { class: `section ${name}`, open: true }, element("summary", {}, title), body);
      this.sections.set(name, body);
      this.body.append(box);
      this.button.hidden = false;
    }
    return this.sections.get(name);
  }
}

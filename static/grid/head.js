// The three header cells of a column: name (sorts) with its menu, unit, filter box. One set per column for as long as
// it lives, so that what is typed survives every redraw of the virtual header.
import { debounce, element } from "../parts/kit.js";

const TYPING_PAUSE = 500; // ms; Enter does not wait
const HINT = "> 5   18..20   != 0   in r,i   null   !null   *text*";

export class Heads {
  constructor(model, tell, openMenu) {
    this.model = model;
    this.tell = tell;
    this.openMenu = openMenu;
    this.made = new Map();
    this.focused = null;
  }

  // [name cell, unit text, filter cell] for regular-table.
  cells(column) {
    let head = this.made.get(column.name);
    if (!head) {
      head = this.make(column);
      this.made.set(column.name, head);
      this.refresh(column.name, head);
    }
    return [head.top, head.unit, head.filter];
  }

  make(column) {
    const mark = element("span", { class: "tv-sort", "aria-hidden": "true" });
    const name = element("button", { class: "tv-name", type: "button", tabindex: "-1" });
    name.append(element("span", { class: "tv-name-text" }, column.name), mark);
    name.title = [
      column.name,
      [column.datatype, column.unit].filter(Boolean).join(", "),
      column.ucd,
      column.description,
      "Click (key S): ascending, descending, none. With Shift: add to the sorting. Key F: filter. Key F2: menu.",
    ]
      .filter(Boolean)
      .join("\n");
    name.addEventListener("click", (event) => {
      this.sortBy(column.name, event.shiftKey);
    });
    const more = element("button", { class: "tv-more", type: "button", tabindex: "-1", "aria-haspopup": "menu",
      "aria-label": `Menu of ${column.name}`, title: "Menu of this column (F2)" }, "⋮");
    more.addEventListener("click", () => this.openMenu(column, more));
    const top = element("span", { class: "tv-head" });
    top.append(name, more);

    const filter = element("input", {
      class: "tv-filter",
      type: "text",
      size: "6", // the column's width comes from its name and values, not from this box
      spellcheck: "false",
      autocomplete: "off",
      "aria-label": `Filter ${column.name}`,
      title: HINT,
    });
    const head = { top, name, mark, more, unit: element("span", { class: "tv-unit" }), words: column.unit || "\u00a0",
      position: column.position, filter, sent: "" };
    const send = () => {
      later.cancel();
      if (filter.value.trim() === head.sent) return;
      head.sent = filter.value.trim();
      this.tell("filtered", { column: column.name, text: head.sent });
    };
    const later = debounce(send, TYPING_PAUSE);
    head.stop = later.cancel;
    filter.addEventListener("input", () => {
      filter.classList.toggle("tv-set", Boolean(filter.value.trim()));
      later();
    });
    filter.addEventListener("change", send);
    filter.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the grid's own keys are not for this box
      if (event.key === "Enter") send();
      if (event.key === "Escape" && filter.value) {
        filter.value = "";
        send();
      } else if (event.key === "Escape" || event.key === "ArrowDown") {
        event.preventDefault(); // or the rows would scroll
        send();
        filter.closest("regular-table")?.focus(); // back to the rows
      }
    });
    filter.addEventListener("focus", () => {
      this.focused = filter;
    });
    filter.addEventListener("blur", () => {
      // Scrolling takes the box out of the page for a moment: then it is not the user who left it.
      if (filter.isConnected && this.focused === filter) this.focused = null;
    });
    return head;
  }

  // Brings sort marks, filter texts and problems up to what Python says.
  update() {
    for (const [name, head] of this.made) this.refresh(name, head);
  }

  refresh(name, head) {
    const place = this.model.sort.findIndex(([column]) => column === name);
    const order = place < 0 ? "" : this.model.sort[place][1];
    const number = place >= 0 && this.model.sort.length > 1 ? String(place + 1) : "";
    head.mark.textContent = order ? (order === "desc" ? "▼" : "▲") + number : "";
    head.order = order === "desc" ? "descending" : order ? "ascending" : "none";
    head.name.classList.toggle("tv-set", Boolean(order));

    const sexagesimal = this.model.sky && head.position && { ra: "h m s", dec: "° ′ ″" }[head.position];
    head.unit.textContent = sexagesimal || head.words;
    const text = this.model.filters[name] ?? "";
    if (text !== head.sent) {
      head.stop();
      head.sent = text;
      head.filter.value = text;
    }
    head.filter.classList.toggle("tv-set", Boolean(head.filter.value.trim()));
    const problem = this.model.problems[name];
    head.filter.classList.toggle("tv-wrong", Boolean(problem));
    head.filter.setAttribute("aria-invalid", String(Boolean(problem)));
    head.filter.title = problem || HINT;
  }

  orderOf(name) {
    return this.made.get(name)?.order ?? "none";
  }

  // After a redraw: gives the box back the caret that moving it took away.
  restoreFocus() {
    const box = this.focused;
    if (box?.isConnected && box.getRootNode().activeElement !== box) box.focus({ preventScroll: true });
  }

  focusFilter(name) {
    this.made.get(name)?.filter.focus();
  }

  // The button that opens a column's menu, when the column has been drawn.
  menuOf(name) {
    return this.made.get(name)?.more;
  }

  sortBy(name, add) {
    if (name !== undefined) this.tell("sorted", { column: name, add });
  }

  forget() {
    this.stop();
    this.made.clear();
    this.focused = null;
  }

  stop() {
    for (const head of this.made.values()) head.stop();
  }
}

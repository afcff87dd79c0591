// The menu of a column: sort, filter, profile, layout. In the top layer, so that a small pane does not cut it off.
import { element } from "../parts/kit.js";

export class ColumnMenu {
  // `act` is told (name of the action, column) of what is chosen.
  constructor(root, act) {
    this.act = act;
    this.menu = element("div", { class: "tv-menu", role: "menu", popover: "manual" });
    this.menu.addEventListener("keydown", (event) => this.key(event));
    this.outside = (event) => {
      if (!event.composedPath().includes(this.menu)) this.close(false);
    };
    root.append(this.menu);
  }

  open(column, anchor, items) {
    this.close(false);
    this.anchor = anchor;
    this.menu.setAttribute("aria-label", `Column ${column.name}`);
    this.menu.replaceChildren(element("div", { class: "tv-menu-title", role: "presentation" }, column.name));
    for (const [action, words, key] of items) {
      if (!action) {
        this.menu.append(element("div", { role: "separator" }));
        continue;
      }
      const item = element("button", { type: "button", role: "menuitem", tabindex: "-1" }, words);
      if (key) item.append(element("kbd", {}, key));
      item.addEventListener("click", () => {
        this.close(true);
        this.act(action, column);
      });
      this.menu.append(item);
    }
    this.menu.showPopover();
    const from = anchor.getBoundingClientRect();
    const own = this.menu.getBoundingClientRect();
    this.menu.style.left = `${Math.max(4, Math.min(from.left, innerWidth - own.width - 4))}px`;
    const below = from.bottom + 2;
    this.menu.style.top = `${below + own.height > innerHeight ? Math.max(4, innerHeight - own.height - 4) : below}px`;
    this.items()[0].focus();
    document.addEventListener("pointerdown", this.outside, true);
  }

  items() {
    return [...this.menu.querySelectorAll("[role=menuitem]")];
  }

  key(event) {
    event.stopPropagation();
    const items = this.items();
    const at = items.indexOf(this.menu.getRootNode().activeElement);
    const go = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (go !== undefined) items[(go + items.length) % items.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") this.close(true);
    else if (event.key.length === 1 && event.key !== " ") {
      const letter = event.key.toLowerCase();
      const next = [...items.slice(at + 1), ...items].find((item) => item.textContent.toLowerCase().startsWith(letter));
      next?.focus();
      return;
    } else return;
    event.preventDefault();
  }

  close(back) {
    document.removeEventListener("pointerdown", this.outside, true);
    if (!this.menu.matches(":popover-open")) return;
    this.menu.hidePopover();
    if (back) this.anchor?.closest("regular-table")?.focus();
  }
}

// What the menu of a column offers: [action, words, key].
export function menuItems(column, { sort, frozen, sky, place, count }) {
  const sorted = sort.some(([name]) => name === column.name);
  const others = sort.some(([name]) => name !== column.name);
  return [
    ["asc", "Sort ascending", "S"],
    ["desc", "Sort descending"],
    ...(others ? [["add asc", "Then sort by it, ascending", "⇧S"], ["add desc", "Then sort by it, descending"]] : []),
    ...(sorted ? [["unsort", "Do not sort by it"]] : []),
    [],
    ["filter", "Filter …", "F"],
    ["profile", "Profile …"],
    ["derive", "Add a column from it …"],
    [],
    ...(column.position ? [["sky", sky ? "Positions in degrees" : "Positions as h m s, ° ′ ″"]] : []),
    frozen ? ["unfreeze", "Let it scroll"] : ["freeze", "Keep at the left"],
    ...(place > 0 ? [["left", "Move left"]] : []),
    ...(place < count - 1 ? [["right", "Move right"]] : []),
    ["fit", "Fit the width"],
    ["hide", "Hide"],
    ["copy", "Copy the name"],
  ];
}

// What choosing does. `say` shows a word in the bar, `fit` gives a column the width of its content.
export function chooser({ state, tell, arrange, order, heads, say, fit, copyText }) {
  return (action, column) => {
    const { model, columns } = state;
    const { name } = column;
    const place = columns.indexOf(column);
    const acts = {
      asc: () => order(name, "asc", false),
      desc: () => order(name, "desc", false),
      "add asc": () => order(name, "asc", true),
      "add desc": () => order(name, "desc", true),
      unsort: () => order(name, "", true),
      filter: () => heads().focusFilter(name),
      profile: () => tell("asked", { what: "profile", column: name }),
      derive: () => tell("asked", { what: "derive", column: name }),
      sky: () => arrange("sky", [], model.sky ? "" : "hms"),
      left: () => arrange("move", [name], columns[place - 1].name),
      right: () => arrange("move", [name], columns[place + 2]?.name ?? ""),
      fit: () => fit(name),
      copy: () => copyText(name).then(() => say(`Copied ${name}`)),
    };
    (acts[action] ?? (() => arrange(action, [name])))(); // hide, freeze, unfreeze
  };
}

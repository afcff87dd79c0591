// The row of tabs: one for each open result, with its colour; scrolls when there are many, and lists them all.
import { element, gesture } from "../parts/kit.js";

const PIN = "M5 1h6l-1 5 3 3v1H9l-1 5-1-5H3V9l3-3z";

function pin() {
  const NS = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(NS, "path");
  path.setAttribute("d", PIN);
  path.setAttribute("fill", "currentColor");
  svg.append(path);
  return svg;
}

// `root` is the row, `menu` what opens from it, to be placed by the caller. Nodes are kept from one drawing to the
// next: rows that stream in change counts several times a second, while a hand may be on a tab.
export function tabRow(model) {
  const list = element("div", { class: "tablist", role: "tablist", "aria-label": "Results" });
  const all = element("button", { class: "quiet all", "aria-haspopup": "menu", "aria-expanded": "false" });
  const menu = element("div", { class: "menu tabmenu", role: "menu", hidden: true });
  const root = element("div", { class: "tabrow" }, list, all);
  const nodes = new Map();
  let opener = null;
  let dragged = "";

  const tabOf = (key) => model.tabs.find((tab) => tab.key === key);
  const give = (name, fields) => gesture(model, name, fields);

  const closeMenu = (back = false) => {
    if (menu.hidden) return;
    menu.hidden = true;
    opener?.setAttribute("aria-expanded", "false");
    if (back) opener?.focus();
    opener = null;
  };
  const openMenu = (from, label, items) => {
    const again = opener === from;
    closeMenu();
    if (again) return;
    opener = from;
    menu.setAttribute("aria-label", label);
    menu.replaceChildren(...items);
    menu.hidden = false;
    from.setAttribute("aria-expanded", "true");
    const [at, box] = [from.getBoundingClientRect(), menu.offsetParent?.getBoundingClientRect() ?? { left: 0, top: 0 }];
    menu.style.left = `${Math.max(0, Math.min(at.left, innerWidth - menu.offsetWidth - 8) - box.left)}px`;
    menu.style.top = `${at.bottom + 2 - box.top}px`;
    menu.querySelector("[data-active], button")?.focus();
  };
  const item = (words, run, more = {}) => {
    const button = element("button", { role: "menuitem", tabindex: "-1", ...more }, ...[words].flat());
    button.addEventListener("click", () => {
      closeMenu(true);
      run();
    });
    return button;
  };
  menu.addEventListener("keydown", (event) => {
    const items = [...menu.querySelectorAll("button:not(:disabled)")];
    const at = items.indexOf(menu.getRootNode().activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") closeMenu(true);
    else if (to === undefined) return;
    else items[(to + items.length) % items.length].focus();
    event.preventDefault();
    event.stopPropagation();
  });

  const options = (key, from) => {
    const tab = tabOf(key);
    const colours = element("div", { class: "swatches", role: "group", "aria-label": "Colour" }, ...model.colours.map((colour, place) => {
      const swatch = item("", () => give("coloured", { key, colour }), { class: "swatch", "aria-label": `Colour ${place + 1}`, "aria-pressed": String(colour === tab.colour) });
      swatch.style.setProperty("--mark", colour);
      return swatch;
    }));
    openMenu(from, `Options of ${tab.title}`, [
      item(["Rename", element("i", {}, "F2")], () => rename(key)),
      item(tab.pinned ? "Unpin" : "Pin", () => give("pinned", { key, on: !tab.pinned })),
      colours,
      item(["Close", element("i", {}, "Delete")], () => give("closed", { key }), { disabled: tab.pinned }),
      item("Close others", () => give("spared", { key }), { disabled: model.tabs.every((other) => other.key === key || other.pinned) }),
    ]);
  };

  const rename = (key) => {
    const { node, title } = nodes.get(key);
    const field = element("input", { class: "name", "aria-label": `New name of ${tabOf(key).title}`, maxlength: "200" });
    field.value = tabOf(key).title;
    let done = false;
    const end = (take) => {
      if (done) return;
      done = true;
      if (take && field.value.trim() && field.value.trim() !== tabOf(key)?.title) give("renamed", { key, title: field.value.trim() });
      field.remove();
      title.hidden = false;
      title.focus();
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") end(event.key === "Enter");
      event.stopPropagation();
    });
    field.addEventListener("blur", () => end(true));
    title.hidden = true;
    node.insertBefore(field, title);
    field.select();
  };

  // Keys of the list: arrows go from tab to tab, Enter opens, Ctrl and an arrow move the tab itself.
  const onKey = (event, key) => {
    const keys = model.tabs.map((tab) => tab.key);
    const at = keys.indexOf(key);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: keys.length - 1 }[event.key];
    if (to !== undefined && event.ctrlKey) give("moved", { key, place: Math.max(0, Math.min(keys.length - 1, to)) });
    else if (to !== undefined) nodes.get(keys[(to + keys.length) % keys.length]).title.focus();
    else if (event.key === "F2") rename(key);
    else if (event.key === "Delete" && !tabOf(key).pinned) {
      const next = keys[at + 1] ?? keys[at - 1];
      if (next) nodes.get(next).title.focus();
      give("closed", { key });
    } else return;
    event.preventDefault();
  };

  const build = (key) => {
    const dot = element("button", { class: "dot", tabindex: "-1", "aria-haspopup": "menu" });
    const words = element("span", { class: "title" });
    const [count, cut] = [element("i"), element("span", { class: "mark", title: "The service cut the rows at the limit (OVERFLOW)" }, "cut")];
    const title = element("button", { role: "tab" }, words, " ", count, cut);
    const close = element("button", { class: "close", tabindex: "-1" });
    const node = element("span", { class: "tab", role: "presentation", draggable: "true" }, dot, title, close);
    dot.addEventListener("click", () => options(key, dot));
    title.addEventListener("click", () => give("opened", { key }));
    title.addEventListener("dblclick", () => rename(key));
    title.addEventListener("keydown", (event) => onKey(event, key));
    close.addEventListener("click", () => (tabOf(key).pinned ? give("pinned", { key, on: false }) : give("closed", { key })));
    node.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      options(key, dot);
    });
    node.addEventListener("auxclick", (event) => event.button === 1 && !tabOf(key).pinned && give("closed", { key }));
    node.addEventListener("dragstart", (event) => {
      dragged = key;
      event.dataTransfer.setData("text/plain", tabOf(key).title);
      event.dataTransfer.effectAllowed = "move";
    });
    node.addEventListener("dragover", (event) => {
      if (!dragged || dragged === key) return;
      event.preventDefault();
      node.classList.add("over");
    });
    for (const type of ["dragleave", "drop", "dragend"]) node.addEventListener(type, () => node.classList.remove("over"));
    node.addEventListener("dragend", () => (dragged = ""));
    node.addEventListener("drop", (event) => {
      event.preventDefault();
      if (dragged && dragged !== key) give("moved", { key: dragged, place: model.tabs.findIndex((tab) => tab.key === key) });
      dragged = "";
    });
    return { node, dot, words, count, cut, title, close };
  };

  const fill = (parts, tab) => {
    const active = tab.key === model.active;
    parts.node.toggleAttribute("data-active", active);
    parts.node.toggleAttribute("data-pinned", tab.pinned);
    parts.node.style.setProperty("--mark", tab.colour);
    parts.dot.setAttribute("aria-label", `Options of ${tab.title}`);
    parts.dot.title = "Rename, pin, colour, close";
    parts.words.textContent = tab.title;
    parts.count.textContent = tab.count;
    parts.cut.hidden = !tab.overflow;
    parts.title.setAttribute("aria-selected", String(active));
    parts.title.tabIndex = active ? 0 : -1;
    parts.title.title = tab.note || tab.title;
    parts.close.setAttribute("aria-label", tab.pinned ? `Unpin ${tab.title}` : `Close ${tab.title}`);
    parts.close.title = tab.pinned ? "Pinned: click to unpin" : "Close (undo brings it back)";
    if (parts.pinned !== tab.pinned) parts.close.replaceChildren(tab.pinned ? pin() : "×");
    parts.pinned = tab.pinned;
  };

  const measure = () => {
    root.toggleAttribute("data-many", model.tabs.length > 5); // their counts are in the list of all
    all.hidden = list.scrollWidth <= list.clientWidth + 1 && model.tabs.length < 8;
    all.textContent = `▾ ${model.tabs.length}`;
    all.setAttribute("aria-label", `All ${model.tabs.length} results`);
    all.title = "All results";
  };

  let shown = "";
  const draw = () => {
    const keys = model.tabs.map((tab) => tab.key);
    for (const [key, parts] of nodes) {
      if (keys.includes(key)) continue;
      parts.node.remove();
      nodes.delete(key);
    }
    let before = null;
    for (const tab of model.tabs) {
      if (!nodes.has(tab.key)) nodes.set(tab.key, build(tab.key));
      const parts = nodes.get(tab.key);
      fill(parts, tab);
      const place = before ? before.nextSibling : list.firstChild;
      if (place !== parts.node) list.insertBefore(parts.node, place); // moving a node takes its focus
      before = parts.node;
    }
    measure();
    if (model.active !== shown) nodes.get(model.active)?.node.scrollIntoView({ block: "nearest", inline: "nearest" });
    shown = model.active;
  };

  all.addEventListener("click", () => openMenu(all, "All results", model.tabs.map((tab) => {
    const line = item([element("span", { class: "mark-dot" }), element("span", { class: "cut grow" }, tab.title), element("i", {}, tab.count)],
      () => give("opened", { key: tab.key }), { "data-active": tab.key === model.active });
    line.style.setProperty("--mark", tab.colour);
    return line;
  })));
  list.addEventListener("wheel", (event) => {
    if (event.deltaX || list.scrollWidth <= list.clientWidth) return;
    list.scrollLeft += event.deltaY;
    event.preventDefault();
  }, { passive: false });
  const watch = new ResizeObserver(measure);
  watch.observe(list);
  const outside = (event) => {
    if (!menu.hidden && !event.composedPath().some((node) => node === menu || node === opener)) closeMenu();
  };
  document.addEventListener("pointerdown", outside);
  const end = () => {
    watch.disconnect();
    document.removeEventListener("pointerdown", outside);
  };
  return { root, menu, draw, end };
}

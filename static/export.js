// A menu of downloads: which rows, which columns, then a link for each format with the size it will have.
import controls from "./parts/controls.css";
import { addStyle, element, gesture } from "./parts/kit.js";

const sheet = `
  :host { position: relative; }
  .menu { position: fixed; width: 320px; max-width: calc(100vw - 8px); max-height: calc(100vh - 8px); overflow: auto; }
  .choice { display: flex; gap: 4px; padding: 2px 8px 4px; flex-wrap: wrap; }
  .menu .choice button, .menu button.tick { border: 1px solid var(--tv-line, #d8dee4); padding: 1px 8px; border-radius: 12px; gap: 5px; min-height: 24px; }
  .menu .choice button[aria-checked="true"] { background: var(--tv-accent, #0b6bcb); border-color: var(--tv-accent, #0b6bcb); color: var(--tv-accent-fg, #fff); }
  .menu .choice button[aria-checked="true"] i { color: inherit; opacity: .85; }
  .menu button.tick { border-color: transparent; justify-content: flex-start; border-radius: 5px; }
  .menu i { font-style: normal; color: var(--tv-muted, #656d76); }
  .menu a { padding: 3px 8px; align-items: baseline; }
  .menu a b { font-weight: 400; min-width: 92px; }
  .menu a i:first-of-type { flex: 1 1 auto; }
  .menu a[aria-disabled] { cursor: default; color: var(--tv-muted, #656d76); }
  .menu .size { font-variant-numeric: tabular-nums; }
  hr { border: 0; border-top: 1px solid var(--tv-line, #d8dee4); margin: 4px 0; width: 100%; }
`;
const SCOPES = { all: "All rows", filtered: "Filtered", marked: "Selected", page: "This page" };
const KEPT = "triview-export"; // scope, columns and comments chosen last, in this browser

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {}; // storage may be off
  }
}

// Bytes in words: two digits say enough of an estimate.
export function sized(bytes) {
  let value = bytes;
  let place = 0;
  for (; value >= 999.5 && place < 4; place += 1) value /= 1000;
  return `${value < 10 && place ? value.toFixed(1) : Math.round(value)} ${["B", "kB", "MB", "GB", "TB"][place]}`;
}

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const button = element("button", { "aria-haspopup": "menu", "aria-expanded": "false", title: "Save as a file" }, "Export");
  const menu = element("div", { class: "menu", role: "menu", "aria-label": "Export", hidden: true });
  el.append(button, menu);
  const chosen = remembered();

  const scope = () => {
    if (model.scopes.includes(chosen.scope)) return chosen.scope;
    return model.scopes.includes("filtered") ? "filtered" : model.scopes[0] ?? "all";
  };
  const columns = () => (model.columns.some((item) => item.name === chosen.columns) ? chosen.columns : model.columns[0]?.name ?? "all");
  const choose = (values) => {
    Object.assign(chosen, values);
    try {
      localStorage.setItem(KEPT, JSON.stringify(chosen));
    } catch {
      // Not kept for the next visit then.
    }
    draw();
  };

  const radios = (title, name, items, now) => element("div", { role: "group", "aria-label": title },
    element("div", { class: "head" }, title),
    element("div", { class: "choice" }, ...items.map((item) => {
      const choice = element("button", { role: "menuitemradio", "aria-checked": String(item.name === now), "data-key": `${name}:${item.name}`, tabindex: -1 },
        item.label, ...(item.note ? [element("i", {}, item.note)] : []));
      choice.addEventListener("click", () => choose({ [name]: item.name }));
      return choice;
    })));

  const link = (format, rows) => {
    const problem = model.problems[columns()]?.[format.name];
    const parts = [element("b", {}, format.label), element("i", {}, problem ?? format.note ?? "")];
    if (problem) return element("a", { role: "menuitem", "aria-disabled": "true", tabindex: -1, "data-key": format.name }, ...parts);
    const size = model.sizes[columns()]?.[format.name];
    if (size && rows !== undefined) parts.push(element("i", { class: "size" }, `≈ ${sized(size[0] + size[1] * rows)}`));
    const query = new URLSearchParams({ format: format.name, scope: scope(), columns: columns() });
    if (chosen.comments && ["csv", "tsv"].includes(format.name)) query.set("comments", "1");
    return element("a", { role: "menuitem", href: `${model.url}?${query}`, download: "", tabindex: -1, "data-format": format.name, "data-key": format.name }, ...parts);
  };

  const draw = () => {
    button.disabled = !model.url;
    if (menu.hidden) return;
    const focused = menu.getRootNode().activeElement?.dataset?.key;
    const parts = [];
    if (model.scopes.length > 1) {
      const note = (name) => (model.rows[name] === undefined ? "" : model.rows[name].toLocaleString("en-US"));
      parts.push(radios("Rows", "scope", model.scopes.map((name) => ({ name, label: SCOPES[name], note: note(name) })), scope()));
    }
    if (model.columns.length > 1) parts.push(radios("Columns", "columns", model.columns, columns()));
    if (parts.length) parts.push(element("hr"));
    for (const group of new Set(model.formats.map((format) => format.group))) {
      const links = model.formats.filter((format) => format.group === group).map((format) => link(format, model.rows[scope()]));
      parts.push(element("div", { role: "group", "aria-label": group ?? "" }, element("div", { class: "head" }, group ?? ""), ...links));
    }
    const tick = element("button", { class: "tick", role: "menuitemcheckbox", "aria-checked": String(Boolean(chosen.comments)), tabindex: -1, "data-key": "comments",
      title: "The query, service and limits in # lines before the header; many readers take those for rows" }, element("span", { "aria-hidden": "true" }, chosen.comments ? "☑" : "☐"), "CSV and TSV with # comments");
    tick.addEventListener("click", () => choose({ comments: !chosen.comments }));
    menu.replaceChildren(...parts, element("hr"), tick);
    if (focused) items().find((item) => item.dataset.key === focused)?.focus();
  };

  const items = () => [...menu.querySelectorAll("[role^=menuitem]")];
  // Below the button and inside the window, wherever the panes round it end.
  const place = () => {
    const at = button.getBoundingClientRect();
    const { width, height } = menu.getBoundingClientRect();
    menu.style.left = `${Math.max(4, Math.min(at.right - width, innerWidth - width - 4))}px`;
    const below = at.bottom + 4;
    menu.style.top = `${below + height + 4 < innerHeight ? below : Math.max(4, innerHeight - height - 4)}px`;
  };
  const open = (on, focus) => {
    if (on === !menu.hidden) return;
    menu.hidden = !on;
    button.setAttribute("aria-expanded", String(on));
    if (!on) return;
    gesture(model, "opened");
    draw();
    place();
    // The first format: what is above it is as it was left.
    if (focus) items().find((item) => item.dataset.format)?.focus();
  };
  const leave = () => {
    open(false);
    button.focus();
  };

  let typed = "";
  let typedAt = 0;
  const spell = (key, from, list) => {
    typed = Date.now() - typedAt > 800 ? key : typed + key;
    typedAt = Date.now();
    const after = [...list.slice(from + (typed.length > 1 ? 0 : 1)), ...list];
    after.find((item) => item.textContent.toLowerCase().startsWith(typed.toLowerCase()))?.focus();
  };
  menu.addEventListener("keydown", (event) => {
    const list = items();
    const now = list.indexOf(menu.getRootNode().activeElement);
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    if (event.key in steps) list[(now + steps[event.key] + list.length) % list.length]?.focus();
    else if (event.key === "Home") list[0]?.focus();
    else if (event.key === "End") list.at(-1)?.focus();
    else if (event.key === "Escape") leave();
    else if (event.key === "Tab") { open(false); return; }
    else if (event.key === " " && list[now]) list[now].click();
    else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) spell(event.key, now, list);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    open(true, true);
  });
  // A click made by Enter or Space has no detail: then the focus goes into the menu.
  button.addEventListener("click", (event) => open(menu.hidden, event.detail === 0));
  menu.addEventListener("click", (event) => { if (event.target.closest("a[href]")) open(false); });
  const escape = (event) => { if (event.key === "Escape" && !menu.hidden) leave(); };
  const outside = (event) => { if (!event.composedPath().includes(el)) open(false); };
  document.addEventListener("keydown", escape);
  document.addEventListener("pointerdown", outside);
  model.on("remove", () => {
    document.removeEventListener("keydown", escape);
    document.removeEventListener("pointerdown", outside);
  });
  for (const name of ["url", "scopes", "columns", "formats", "problems", "rows", "sizes"]) model.on(name, draw);
  draw();
}

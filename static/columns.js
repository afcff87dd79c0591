// The column chooser: a virtual list with search. Only the lines in sight are in the page: 1,300 columns stay quick.
import controls from "./parts/controls.css";
import { addStyle, element, gesture } from "./parts/kit.js";

const LINE = 40; // pixels
const GROUPS = [["all", "All"], ["shown", "Shown"], ["hidden", "Hidden"]];

const sheet = `
  .columns { display: flex; flex-direction: column; height: 100%; min-height: 0; }
  .columns .bar { flex: none; flex-wrap: wrap; }
  .find { width: 100%; }
  .groups button[aria-pressed="true"] { font-weight: 600; }
  .list { position: relative; flex: 1 1 0; min-height: 60px; overflow: auto; outline: none; border-top: 1px solid var(--tv-line, #d8dee4); scrollbar-width: thin; }
  .line { position: absolute; left: 0; right: 0; height: ${LINE}px; display: grid; grid-template-columns: 18px 22px minmax(0, 1fr) 28px; align-items: center; gap: 4px; padding: 0 6px; }
  .line:hover { background: var(--tv-hover, #eef3f8); }
  .line.off .what { opacity: .5; }
  .line.here { box-shadow: inset 2px 0 0 var(--tv-accent, #0b6bcb); }
  .list:focus-visible .line.here { outline: 2px solid var(--tv-accent, #0b6bcb); outline-offset: -2px; }
  .line.target { box-shadow: inset 0 2px 0 var(--tv-accent, #0b6bcb); }
  .line.target.last { box-shadow: inset 0 -2px 0 var(--tv-accent, #0b6bcb); }
  .grip { cursor: grab; color: var(--tv-muted, #656d76); text-align: center; user-select: none; touch-action: none; }
  .what { min-width: 0; line-height: 1.25; }
  .what b { font-weight: 600; }
  .what div { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .what .muted { font-size: 11.5px; }
  .pin { padding: 2px; min-height: 24px; width: 26px; justify-content: center; border-color: transparent; background: transparent; opacity: .35; }
  .line:hover .pin, .pin[aria-pressed="true"] { opacity: 1; }
  .line input { min-height: 0; width: 15px; height: 15px; margin: 0; accent-color: var(--tv-accent, #0b6bcb); }
  .none { padding: 18px; color: var(--tv-muted, #656d76); text-align: center; }
`;

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const find = element("input", { class: "find", type: "search", placeholder: "name, description, UCD or unit", "aria-label": "Find columns" });
  const groups = element("span", { class: "groups", role: "group", "aria-label": "Which columns" });
  const count = element("span", { class: "muted grow", role: "status" });
  const action = (words, title, act) => {
    const made = element("button", { type: "button", class: "quiet", title }, words);
    made.addEventListener("click", act);
    return made;
  };
  const tell = (verb, names, text = "", width = 0) => gesture(model, "arranged", { verb, columns: names, text, width });
  const names = () => found.map((place) => columns[place].name);
  const showAll = action("Show these", "Show all columns of the list", () => tell("show", names()));
  const hideAll = action("Hide these", "Hide all columns of the list", () => tell("hide", names()));
  const onlyThese = action("Only these", "Show the columns of the list and no others", () => tell("only", names()));
  const reset = action("Reset", "All columns in the order of the result, no widths, nothing kept at the left", () => tell("reset", []));
  const sky = action("", "How positions read", () => tell("sky", [], model.sky ? "" : "hms"));
  const list = element("div", { class: "list", tabindex: "0", role: "listbox", "aria-label": "Columns", "aria-multiselectable": "true" });
  const room = element("div");
  const none = element("div", { class: "none", hidden: true });
  list.append(room, none);
  const root = element("div", { class: "columns tv-columns" },
    element("div", { class: "bar" }, find),
    element("div", { class: "bar" }, groups, count),
    element("div", { class: "bar" }, showAll, hideAll, onlyThese, sky, element("span", { class: "grow" }), reset),
    list);
  el.append(root);

  let columns = [];
  let words = []; // what the search looks through, lower case, by place
  let found = []; // places that pass search and group
  let group = "all";
  let here = 0; // place of the active line in `found`
  let hidden = new Set();
  let target = -1; // where a dragged line would go

  for (const [name, label] of GROUPS) {
    const made = action(label, `${label} columns`, () => {
      group = name;
      filter();
    });
    made.dataset.group = name;
    groups.append(made);
  }

  const filter = (active = columns[found[here]]?.name) => {
    const wanted = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = [];
    for (let place = 0; place < columns.length; place++) {
      if (group !== "all" && hidden.has(place) !== (group === "hidden")) continue;
      if (wanted.every((word) => words[place].includes(word))) found.push(place);
    }
    const kept = found.findIndex((place) => columns[place].name === active);
    here = kept >= 0 ? kept : Math.min(here, Math.max(found.length - 1, 0));
    for (const button of groups.children) button.setAttribute("aria-pressed", String(button.dataset.group === group));
    const shown = columns.length - hidden.size;
    count.textContent = found.length === columns.length ? `${shown} of ${columns.length} shown` : `${found.length} found · ${shown} of ${columns.length} shown`;
    for (const button of [showAll, hideAll, onlyThese]) button.disabled = !found.length;
    none.hidden = found.length > 0;
    none.textContent = columns.length ? "No column has these words." : "There is no result to show columns of.";
    draw();
  };

  const line = (at) => {
    const place = found[at];
    const column = columns[place];
    const on = !hidden.has(place);
    const tick = element("input", { type: "checkbox", tabindex: "-1", "aria-label": `Show ${column.name}` });
    tick.checked = on;
    tick.addEventListener("change", () => tell(tick.checked ? "show" : "hide", [column.name]));
    const pinned = place < model.frozen;
    const pin = element("button", { type: "button", class: "pin", tabindex: "-1", "aria-pressed": String(pinned),
      "aria-label": `Keep ${column.name} at the left`, title: pinned ? "Let it scroll" : "Keep at the left" }, pinned ? "◧" : "◫");
    pin.addEventListener("click", () => tell(pinned ? "unfreeze" : "freeze", [column.name]));
    const grip = element("span", { class: "grip", title: "Drag to another place (Alt+↑, Alt+↓)", "aria-hidden": "true" }, "⠿");
    grip.addEventListener("pointerdown", (event) => drag(event, column.name));
    const facts = [column.datatype, column.unit, column.ucd].filter(Boolean).join(" · ");
    const node = element("div", { class: `line${on ? "" : " off"}${at === here ? " here" : ""}${at === target ? " target" : ""}`,
      role: "option", id: `line-${at}`, "aria-selected": String(on), "aria-setsize": String(found.length), "aria-posinset": String(at + 1),
      title: [column.name, facts, column.description].filter(Boolean).join("\n"), style: `top:${at * LINE}px`, "data-name": column.name },
    grip, tick,
    element("div", { class: "what" }, element("div", {}, element("b", {}, column.name), column.unit ? ` ${column.unit}` : ""),
      element("div", { class: "muted" }, column.description || column.ucd || column.datatype)),
    pin);
    node.addEventListener("click", (event) => {
      if (event.target === tick || event.target === pin) return;
      here = at;
      draw();
    });
    return node;
  };

  const draw = () => {
    room.style.height = `${found.length * LINE}px`;
    const first = Math.max(0, Math.floor(list.scrollTop / LINE) - 4);
    const end = Math.min(found.length, Math.ceil((list.scrollTop + list.clientHeight) / LINE) + 4);
    const nodes = [];
    for (let at = first; at < end; at++) nodes.push(line(at));
    if (target === found.length && end === found.length && nodes.length) nodes.at(-1).classList.add("target", "last");
    room.replaceChildren(...nodes);
    if (found.length) list.setAttribute("aria-activedescendant", `line-${here}`);
    else list.removeAttribute("aria-activedescendant");
  };

  const go = (at) => {
    here = Math.min(Math.max(at, 0), Math.max(found.length - 1, 0));
    const top = here * LINE;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + LINE > list.scrollTop + list.clientHeight) list.scrollTop = top + LINE - list.clientHeight;
    draw();
  };

  // Moves a column before the line `at` of the list.
  const place = (name, at) => {
    const before = found[at] === undefined ? columns[(found.at(-1) ?? -1) + 1]?.name : columns[found[at]].name;
    if (before !== name) tell("move", [name], before ?? "");
  };

  const drag = (down, name) => {
    down.preventDefault();
    const from = found.findIndex((item) => columns[item].name === name);
    const follow = (event) => {
      const box = list.getBoundingClientRect();
      if (event.clientY < box.top + 20) list.scrollTop -= LINE / 2;
      else if (event.clientY > box.bottom - 20) list.scrollTop += LINE / 2;
      target = Math.min(found.length, Math.max(0, Math.round((event.clientY - box.top + list.scrollTop) / LINE)));
      draw();
    };
    const stop = (event) => {
      for (const [kind, call] of [["pointermove", follow], ["pointerup", stop], ["pointercancel", stop]]) document.removeEventListener(kind, call);
      const to = target;
      target = -1;
      if (event.type === "pointerup" && to >= 0 && to !== from && to !== from + 1) place(name, to);
      draw();
    };
    for (const [kind, call] of [["pointermove", follow], ["pointerup", stop], ["pointercancel", stop]]) document.addEventListener(kind, call);
  };

  list.addEventListener("scroll", draw);
  list.addEventListener("keydown", (event) => {
    if (event.target !== list || event.ctrlKey || event.metaKey) return;
    const column = columns[found[here]];
    const screen = Math.max(1, Math.floor(list.clientHeight / LINE) - 1);
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, PageDown: here + screen, PageUp: here - screen, Home: 0, End: found.length - 1 }[event.key];
    if (event.altKey && column && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      if (event.key === "ArrowUp" && here > 0) place(column.name, here - 1);
      if (event.key === "ArrowDown" && here < found.length - 1) place(column.name, here + 2);
    } else if (to !== undefined) go(to);
    else if (event.key === " " && column) tell(hidden.has(found[here]) ? "show" : "hide", [column.name]);
    else if (event.key === "f" && column) tell(found[here] < model.frozen ? "unfreeze" : "freeze", [column.name]);
    else return;
    event.preventDefault();
  });
  find.addEventListener("input", () => filter());
  find.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      list.focus();
    } else if (event.key === "Escape" && find.value) {
      event.preventDefault(); // clears the words; the panel stays
      find.value = "";
      filter();
    }
  });

  let loaded = -1; // version of `columns`
  const fetchColumns = async () => {
    const { version } = model;
    const response = model.url ? await fetch(`${model.url}?v=${version}`) : null;
    const answer = response?.ok ? await response.json() : { columns: [] };
    if (version !== model.version) return;
    const active = columns[found[here]]?.name; // the line may have been moved while we waited
    loaded = version;
    columns = answer.columns;
    words = columns.map((column) => [column.name, column.description, column.ucd, column.unit].join(" ").toLowerCase());
    sync(active);
  };
  const sync = (active) => {
    if (loaded !== model.version) return; // places are those of columns on their way here
    hidden = new Set(model.hidden);
    sky.textContent = model.sky ? "Degrees" : "h m s";
    sky.hidden = !model.positions;
    filter(active);
    if (list.getRootNode().activeElement === list) go(here); // a line moved by its keys stays in sight
  };
  const seek = () => {
    const at = found.findIndex((item) => columns[item].name === model.chosen);
    if (at >= 0) go(at);
  };
  model.on(["url", "version"], fetchColumns);
  model.on(["hidden", "frozen", "sky", "positions"], () => sync());
  model.on("chosen", seek);
  const resized = new ResizeObserver(draw);
  resized.observe(list);
  model.on("remove", () => resized.disconnect());
  fetchColumns().then(seek);
  sync();
}

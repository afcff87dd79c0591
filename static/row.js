// Row details: a line for every column with its value and error; pinned rows stand beside the current one, and what
// differs between them is marked. Only the lines in sight are in the page.
import controls from "./parts/controls.css";
import { copyText } from "./grid/copy.js";
import { addStyle, debounce, element, gesture } from "./parts/kit.js";

const LINE = 26; // pixels
const LINK = /^https?:\/\/\S+$/i;

const sheet = `
  .details { display: flex; flex-direction: column; height: 100%; min-height: 0; }
  .details .bar { flex: none; }
  .find { flex: 1 1 80px; }
  .scroll { position: relative; flex: 1 1 0; min-height: 60px; overflow: auto; outline: none; border-top: 1px solid var(--tv-line, #d8dee4); scrollbar-width: thin; }
  .line { position: absolute; left: 0; min-width: 100%; height: ${LINE}px; display: grid; grid-template-columns: var(--name, 44%) repeat(var(--values, 1), minmax(var(--least, 120px), 1fr)); align-items: center; }
  .line > * { padding: 0 8px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; height: 100%; line-height: ${LINE}px; border-bottom: 1px solid color-mix(in srgb, var(--tv-line, #d8dee4) 55%, transparent); }
  .line > .name { position: sticky; left: 0; z-index: 1; background: var(--tv-panel, #fff); font-weight: 600; }
  .line:hover > *, .line.here > * { background: var(--tv-hover, #eef3f8); }
  .line.differs > .value { background: var(--tv-selected, #fff3c9); }
  .value { text-align: right; font-variant-numeric: tabular-nums; }
  .value.text { text-align: left; }
  .value .noise, .value .unit { color: var(--tv-muted, #656d76); }
  .value.null { color: var(--tv-muted, #656d76); }
  .value a { color: var(--tv-accent, #0b6bcb); }
  .scroll:focus-visible .line.here > * { box-shadow: inset 0 1px var(--tv-accent, #0b6bcb), inset 0 -1px var(--tv-accent, #0b6bcb); }
  .room { position: relative; min-width: 100%; }
  .tops { position: sticky; top: 0; z-index: 2; height: ${LINE}px; }
  .tops > * { background: var(--tv-panel, #fff); font-weight: 600; text-align: right; border-bottom-color: var(--tv-line, #d8dee4); }
  .tops > .name { z-index: 3; text-align: left; }
  .tops button { border: 0; padding: 0 3px; min-height: 20px; background: transparent; }
  .current { color: var(--tv-accent, #0b6bcb); }
  .about { flex: none; max-height: 38%; overflow: auto; padding: 7px 10px; border-top: 1px solid var(--tv-line, #d8dee4); line-height: 1.4; }
  .about b, .about .whole { overflow-wrap: anywhere; }
  .about .whole { font-family: var(--tv-mono, ui-monospace, monospace); font-size: 12px; max-height: 120px; overflow: auto; user-select: text; }
  .none { padding: 18px; color: var(--tv-muted, #656d76); text-align: center; }
`;

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const button = (label, title, act, words = label) => {
    const made = element("button", { type: "button", class: "quiet", "aria-label": label, title }, words);
    made.addEventListener("click", act);
    return made;
  };
  const previous = button("Previous row", "Previous row of the table (←)", () => gesture(model, "stepped", { by: -1 }), "‹");
  const next = button("Next row", "Next row of the table (→)", () => gesture(model, "stepped", { by: 1 }), "›");
  const place = element("span", { class: "grow cut muted", role: "status" });
  const pin = button("Pin", "Hold this row to compare others with it", () => tellPin(model.current, !model.pinned.includes(model.current)));
  const copy = button("Copy", "Copy these rows: column, unit and every digit of the values", () => copyAll());
  const find = element("input", { class: "find", type: "search", placeholder: "name, description, UCD or unit", "aria-label": "Find in the row" });
  const only = element("button", { type: "button", class: "quiet", "aria-pressed": "false", title: "Only columns whose values differ" }, "≠ only");
  const scroll = element("div", { class: "scroll", tabindex: "0", role: "table", "aria-label": "Columns of the row" });
  const tops = element("div", { class: "line tops", role: "row" });
  const room = element("div", { class: "room", role: "rowgroup" });
  const about = element("div", { class: "about", hidden: true });
  const none = element("div", { class: "none", role: "status" });
  scroll.append(tops, room, none);
  el.append(element("div", { class: "details" },
    element("div", { class: "bar" }, previous, next, place, pin, copy),
    element("div", { class: "bar" }, find, only), scroll, about));

  let columns = [];
  let words = [];
  let rows = []; // row numbers in the order shown: the current one, then those pinned
  let values = new Map(); // row number to [[text, exact] per column]
  let paired = new Set(); // places of columns that stand as errors beside another
  let found = [];
  let here = 0;

  const tellPin = (row, on) => row >= 0 && gesture(model, "pinned_by_hand", { row, on });
  const cellOf = (row, at) => values.get(row)?.[at] ?? [null, null];
  const differs = (at) => rows.length > 1 && rows.some((row) => cellOf(row, at)[1] !== cellOf(rows[0], at)[1]);

  const filter = () => {
    const wanted = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const onlyDifferent = only.getAttribute("aria-pressed") === "true" && rows.length > 1;
    const active = columns[found[here]]?.name;
    found = [];
    for (let at = 0; at < columns.length; at++) {
      if (!wanted.every((word) => words[at].includes(word))) continue;
      if (!wanted.length && paired.has(at)) continue; // it stands beside its value
      if (onlyDifferent && !differs(at)) continue;
      found.push(at);
    }
    here = Math.max(0, found.findIndex((at) => columns[at].name === active));
    draw();
  };

  const valueOf = (row, at) => {
    const [text, exact] = cellOf(row, at);
    const { datatype, error, unit } = columns[at];
    const textual = /^(char|unicodeChar)/.test(datatype) || datatype.includes("[");
    const node = element("div", { class: `value${textual ? " text" : ""}${text === null ? " null" : ""}`, role: "cell", title: exact ?? "null" });
    if (text === null) node.append("null");
    else if (LINK.test(text)) node.append(element("a", { href: exact, target: "_blank", rel: "noopener noreferrer" }, text));
    else node.append(text);
    const [noise] = error >= 0 ? cellOf(row, error) : [null];
    if (noise !== null && text !== null) node.append(element("span", { class: "noise" }, ` ± ${noise}`));
    if (unit && text !== null && rows.length === 1) node.append(element("span", { class: "unit" }, ` ${unit}`));
    return node;
  };

  const line = (n) => {
    const at = found[n];
    const { name, unit } = columns[at];
    const head = element("div", { class: "name", role: "rowheader", title: columns[at].description || name }, name);
    if (unit && rows.length > 1) head.append(element("span", { class: "muted" }, ` ${unit}`));
    const node = element("div", { class: `line${n === here ? " here" : ""}${differs(at) ? " differs" : ""}`, role: "row",
      style: `top:${n * LINE}px`, "data-name": name }, head, ...rows.map((row) => valueOf(row, at)));
    node.addEventListener("click", () => go(n));
    return node;
  };

  const drawTops = () => {
    tops.hidden = rows.length < 2;
    tops.replaceChildren(element("div", { class: "name", role: "columnheader" }, "Column"), ...rows.map((row) => {
      const held = model.pinned.includes(row);
      const node = element("div", { class: row === model.current ? "current" : "", role: "columnheader" }, `row ${(row + 1).toLocaleString("en-US")} `);
      if (held) node.append(button(`Let row ${row + 1} go`, "Let this row go", () => tellPin(row, false), "×"));
      return node;
    }));
  };

  const draw = () => {
    el.style.setProperty("--values", String(Math.max(rows.length, 1)));
    el.style.setProperty("--name", rows.length > 1 ? "140px" : "44%");
    el.style.setProperty("--least", rows.length > 1 ? "120px" : "0px");
    room.style.height = `${found.length * LINE}px`;
    const first = Math.max(0, Math.floor(scroll.scrollTop / LINE) - 4);
    const end = Math.min(found.length, Math.ceil((scroll.scrollTop + scroll.clientHeight) / LINE) + 4);
    const lines = [];
    for (let n = first; n < end; n++) lines.push(line(n));
    room.replaceChildren(...lines);
    none.hidden = found.length > 0;
    none.textContent = model.message || (rows.length ? "No column has these words." : "");
    drawAbout();
  };

  const drawAbout = () => {
    const column = columns[found[here]];
    about.hidden = !column || !rows.length;
    if (about.hidden) return;
    const facts = [column.datatype, column.unit, column.ucd].filter(Boolean).join(" · ");
    const [row] = rows;
    const [, exact] = cellOf(row, found[here]);
    const parts = [element("b", {}, column.name), element("div", { class: "muted" }, facts), column.description];
    parts.push(element("div", { class: "whole" }, exact === null ? "null" : exact === "" ? "(empty text)" : exact));
    if (column.error >= 0) parts.push(element("div", { class: "muted" }, `error: ${columns[column.error].name} = ${cellOf(row, column.error)[1] ?? "null"}`));
    about.replaceChildren(...parts);
  };

  const go = (n) => {
    here = Math.min(Math.max(n, 0), Math.max(found.length - 1, 0));
    const top = here * LINE;
    const height = scroll.clientHeight - (rows.length > 1 ? LINE : 0);
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    else if (top + LINE > scroll.scrollTop + height) scroll.scrollTop = top + LINE - height;
    draw();
  };

  const copyAll = async () => {
    const lines = [["column", "unit", ...rows.map((row) => `row ${row + 1}`)]];
    columns.forEach(({ name, unit }, at) => lines.push([name, unit, ...rows.map((row) => cellOf(row, at)[1] ?? "")]));
    const cut = (text) => text.replace(/[\t\r\n]+/g, " "); // one line for each column
    try {
      await copyText(lines.map((parts) => parts.map(cut).join("\t")).join("\n"));
      copy.textContent = "Copied";
    } catch (error) {
      copy.textContent = "Not copied";
      copy.title = String(error.message ?? error);
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  };

  // The newest question wins: steps come faster than rows.
  let ticket = 0;
  const fetchRows = async () => {
    const mine = ++ticket;
    const wanted = [...new Set([model.current, ...model.pinned])].filter((row) => row >= 0);
    if (model.current < 0 || !model.url) {
      rows = [];
      columns = [];
      sync();
      return;
    }
    const response = await fetch(`${model.url}?rows=${wanted.join()}&v=${model.version}`);
    if (mine !== ticket) return;
    if (!response.ok) {
      const said = await response.json().catch(() => ({}));
      rows = [];
      columns = [];
      none.textContent = [said.message, said.hint].filter(Boolean).join(" ");
      return sync();
    }
    const answer = await response.json();
    if (mine !== ticket) return;
    columns = answer.columns;
    words = columns.map((column) => [column.name, column.description, column.ucd, column.unit].join(" ").toLowerCase());
    values = new Map(Object.entries(answer.rows).map(([row, cells]) => [Number(row), cells]));
    rows = wanted;
    paired = new Set(columns.map((column) => column.error).filter((at) => at >= 0));
    sync();
  };
  const plan = debounce(fetchRows, 0); // once for what changes together
  const sync = () => {
    const none = model.current < 0;
    place.textContent = none ? "" : model.place;
    previous.disabled = none || model.first;
    next.disabled = model.last;
    pin.disabled = copy.disabled = none;
    const held = model.pinned.includes(model.current);
    pin.textContent = held ? "Pinned" : "Pin";
    pin.setAttribute("aria-pressed", String(held));
    only.hidden = rows.length < 2;
    drawTops();
    filter();
  };

  find.addEventListener("input", filter);
  find.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") scroll.focus();
    else if (event.key === "Escape" && find.value) {
      find.value = "";
      filter();
    } else return;
    event.preventDefault();
  });
  only.addEventListener("click", () => {
    only.setAttribute("aria-pressed", String(only.getAttribute("aria-pressed") !== "true"));
    filter();
  });
  scroll.addEventListener("scroll", draw);
  scroll.addEventListener("keydown", (event) => {
    if (event.target !== scroll || event.ctrlKey || event.metaKey || event.altKey) return;
    const screen = Math.max(1, Math.floor(scroll.clientHeight / LINE) - 2);
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, PageDown: here + screen, PageUp: here - screen, Home: 0, End: found.length - 1 }[event.key];
    if (to !== undefined) go(to);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") gesture(model, "stepped", { by: event.key === "ArrowRight" ? 1 : -1 });
    else if (event.key === "p") tellPin(model.current, !model.pinned.includes(model.current));
    else return;
    event.preventDefault();
  });
  model.on(["url", "version", "current", "pinned"], () => plan());
  model.on(["place", "first", "last", "message"], sync);
  const resized = new ResizeObserver(() => draw());
  resized.observe(scroll);
  model.on("remove", () => resized.disconnect());
  fetchRows();
}

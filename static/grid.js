// The grid: regular-table joined to pages of rows over HTTP and to the user's gestures.
import "regular-table";
import { TableBar } from "./grid/bar.js";
import { cellValue, dress } from "./grid/cells.js";
import { copyRows, copyText } from "./grid/copy.js";
import { listenToDrags } from "./grid/drag.js";
import css from "./grid/grid.css";
import barCss from "./grid/bar.css";
import { listenToClicks } from "./grid/hand.js";
import { Heads } from "./grid/head.js";
import { listenToKeys } from "./grid/keys.js";
import { chooser, ColumnMenu, menuItems } from "./grid/menu.js";
import { BLOCK, Pages } from "./grid/pages.js";
import { Thumbs } from "./grid/thumbs.js";
import { addStyle, element, gesture } from "./parts/kit.js";

const ECHO = 1000; // ms in which Python's answer to a turn may still come
const PATIENCE = 250; // ms in which columns that come into sight are waited for; then they are drawn empty
const ROW = 24; // pixels
const PICTURE_ROW = 56;
const LEVELS = 3; // of the header: name, unit, filter

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

export function render({ model }) {
  const root = element("div", { class: "tv-table" });
  const body = element("div", { class: "tv-grid-body" });
  const table = document.createElement("regular-table");
  const empty = element("div", { class: "tv-empty", role: "status" });
  const marker = element("div", { class: "tv-marker", hidden: true });
  addStyle(root, css + barCss);

  // What is on screen. `columns` are the shown ones, `lead` the row headers that are no columns (ticks, pictures);
  // `active` is the cell the keyboard is at; `anchor` the last row ticked, for Shift.
  const state = {
    model,
    table,
    columns: [],
    frozen: 0,
    lead: 1,
    sheet: null,
    window: [0, BLOCK],
    rows: [],
    total: model.n_rows,
    page: model.page,
    active: { x: 0, y: 0 },
    anchor: -1,
    turns: [], // pages the user has just turned through
    turnedAt: 0,
    wantsScroll: null,
    // The place of a drawn cell's column among the shown ones; -1 for ticks and pictures.
    columnOf: (meta) => (meta.type === "corner" || meta.type === "row_header"
      ? Math.max(meta.row_header_x - state.lead, -1)
      : state.frozen + meta.x),
  };
  const pages = new Pages();
  const tell = (name, fields) => gesture(model, name, fields);
  const arrange = (verb, columns, text = "", width = 0) => tell("arranged", { verb, columns, text, width });
  const height = () => (model.thumbs ? PICTURE_ROW : ROW);

  // --- the menu of a column ---

  const order = (column, direction, add) => {
    state.turns = [];
    tell("ordered", { column, order: direction, add });
  };
  const fit = (name) => {
    arrange("widen", [name], "", 0);
    if (!(name in model.widths)) newColumns(true);
  };
  const menu = new ColumnMenu(root, chooser({
    state, tell, arrange, order, fit, copyText, heads: () => heads, say: (words) => bar.say(words),
  }));
  const openMenu = (column, anchor) => {
    const place = state.columns.indexOf(column);
    menu.open(column, anchor, menuItems(column,
      { sort: model.sort, frozen: place < state.frozen, sky: model.sky, place, count: state.columns.length }));
  };
  const heads = new Heads(model, (name, fields) => {
    state.turns = []; // another order or filter: a page set by Python counts again
    tell(name, fields);
  }, openMenu);
  const copy = async () => {
    try {
      const count = await copyRows(model, model.marked ? [] : state.rows.map((row) => row[0]));
      bar.say(`Copied ${count.toLocaleString("en-US")} ${count === 1 ? "row" : "rows"}`);
    } catch (error) {
      pages.error = String(error.message ?? error);
      showBar();
    }
  };
  const bar = new TableBar({
    turnTo,
    ask: (what) => tell("asked", { what, column: what === "row" ? "" : state.columns[state.active.x]?.name ?? "" }),
    copy,
    words: () => [
      ...model.columns.map((column) => ({ text: column.name, note: column.unit })),
      ...model.functions.map((name) => ({ text: name, note: "function", call: true })),
    ],
    conditioned: (text) => {
      state.turns = [];
      tell("conditioned", { text });
    },
    back: () => table.focus(),
  });
  body.append(table, marker, empty, bar.foot);
  root.append(bar.element, body);
  const thumbs = new Thumbs(model);

  const last = () => Math.max(0, Math.ceil(state.total / model.page_size) - 1);
  const visible = () => body.clientHeight > 0 && body.clientWidth > 0;

  // --- drawing ---

  const listener = async (x0, y0, x1, y1) => {
    const { frozen, lead } = state;
    if (x1 > x0) {
      state.window = [frozen + x0, frozen + x1];
      await cover(state.window);
    }
    const { columns } = state;
    // Cells of columns that have just been changed are on their way: none is shown under another column's name.
    const sheet = state.sheet?.columns === columns ? state.sheet : null;
    // Pictures make rows higher than the header's lines; regular-table counts those as if they were as high.
    const shown = state.rows.slice(y0, model.thumbs ? y1 + LEVELS : y1);
    const across = columns.slice(frozen + x0, frozen + x1);
    const cell = (row, x) => (sheet ? cellValue(sheet, row, x, columns[x]) : null);
    const still = columns.slice(0, frozen);
    return {
      num_rows: state.rows.length,
      num_columns: columns.length - frozen,
      num_row_headers: lead + frozen,
      num_column_headers: LEVELS,
      row_height: height(),
      row_headers: shown.map((row) => ["", ...(lead > 1 ? [thumbs.of(row)] : []), ...still.map((_, x) => cell(row, x))]),
      column_headers: across.map((column) => heads.cells(column)),
      column_header_merge_depth: 0,
      merge_headers: "column", // never merge equal cells below each other
      data: across.map((_, i) => shown.map((row) => cell(row, frozen + x0 + i))),
    };
  };

  // Waits for the cells of columns that came into sight; not for long.
  async function cover([x0, x1]) {
    const { sheet } = state;
    const missing = sheet?.columns === state.columns && !sheet.failed ? sheet.missing(x0, x1) : [];
    if (!missing.length) return;
    let late = false;
    const coming = pages.fill(sheet, missing).then((good) => {
      if (sheet !== state.sheet) return;
      if (!good) plan();
      if (sheet.failed) showBar();
      if (late) redraw();
    });
    await Promise.race([coming, pause(PATIENCE)]);
    late = true;
  }

  const redraw = async () => {
    if (!visible()) return;
    await table.draw();
    const want = state.wantsScroll;
    if (want === null) return;
    state.wantsScroll = null;
    keepInSight(table, want, height());
  };

  // Columns, their order or widths have changed. What is typed in their filters stays when only the order did.
  const newColumns = (sameColumns) => {
    if (!sameColumns) heads.forget();
    const { columns } = model;
    const active = state.columns[state.active.x]?.name;
    const now = model.shown.length ? model.shown.map((place) => columns[place]).filter(Boolean) : columns;
    const changed = now.length !== state.columns.length || now.some((column, x) => column !== state.columns[x]);
    if (changed) state.columns = now;
    state.frozen = Math.max(0, Math.min(model.frozen, state.columns.length - 1));
    state.lead = model.thumbs ? 2 : 1;
    const place = state.columns.findIndex((column) => column.name === active);
    state.active.x = sameColumns && place >= 0 ? place : Math.min(state.active.x, Math.max(state.columns.length - 1, 0));
    root.style.setProperty("--row", `${height()}px`);
    table.setDataListener(listener, { virtual_mode: "both" });
    table.resetAutoSize?.();
    const widths = {};
    state.columns.forEach((column, x) => {
      if (model.widths[column.name]) widths[state.lead + x] = model.widths[column.name];
    });
    table.restoreColumnSizes(widths);
  };

  const showBar = () => {
    empty.textContent = state.total === 0 ? model.message : "";
    root.classList.toggle("tv-bare", !model.columns.length);
    const problem = Object.entries(model.problems)[0];
    bar.show({
      page: state.page,
      last: last(),
      size: model.page_size,
      total: state.total,
      all: model.n_all,
      trouble: pages.error || (problem ? `${problem[0]}: ${problem[1]}` : ""),
      shown: state.columns.length,
      columns: model.columns.length,
      condition: model.condition,
      problem: model.condition_problem,
      canThumb: model.can_thumb,
      thumbs: model.thumbs,
    });
  };

  // --- fetching ---

  let stale = true; // what is shown is not what should be: fetch when there is room to show it
  let planned = false;

  function plan() {
    stale = true;
    if (planned) return;
    planned = true;
    // One fetch for parameters that change together.
    queueMicrotask(() => {
      planned = false;
      if (visible()) refresh();
    });
  }

  // A stream of new versions must not cut off the very answers it waits for: the same page is asked for again
  // only when it has come. Another page, result or set of columns does not wait.
  let under = null;
  let again = false;

  async function refresh(ahead = false) {
    layOut();
    stale = false;
    const size = model.page_size;
    const asked = { url: model.url, layout: model.layout, page: state.page, size };
    if (under && Object.keys(asked).every((key) => asked[key] === under[key])) {
      again = true;
      return;
    }
    if (!model.url || !model.columns.length) {
      state.sheet = null;
      state.rows = [];
      showBar();
      await redraw();
      return;
    }
    const slow = setTimeout(() => root.classList.add("tv-busy"), 120);
    const ask = { url: model.url, version: model.version, layout: model.layout, start: state.page * size, count: size };
    const spans = [state.window, [0, state.frozen]];
    const { columns } = state;
    under = asked;
    again = false;
    const sheet = await pages.get(ask, columns, spans);
    clearTimeout(slow);
    if (sheet === null) return; // a newer question is on its way
    under = null;
    root.classList.remove("tv-busy");
    root.classList.toggle("tv-failed", Boolean(pages.error));
    if (sheet && columns === state.columns) {
      state.sheet = sheet;
      state.rows = sheet.rows;
      state.total = sheet.total;
      if (state.page > last() && state.total > 0) {
        state.page = last();
        model.page = state.page;
        return refresh();
      }
    }
    showBar();
    await redraw();
    if (again) return refresh();
    if (ahead && state.page < last()) pages.ahead({ ...ask, start: ask.start + size }, columns, spans);
  }

  // A page the user asked for, by the bar or the keyboard.
  function turnTo(page, row = 0) {
    const wanted = Math.min(Math.max(page, 0), last());
    if (wanted === state.page) return showBar();
    const now = performance.now();
    state.turns = now - state.turnedAt < ECHO ? [...state.turns, wanted] : [wanted];
    state.turnedAt = now;
    state.page = wanted;
    state.active.y = row;
    state.wantsScroll = row;
    model.page = wanted;
    tell("paged", { page: wanted });
    showBar();
    refresh(true);
  }

  // --- from Python ---

  model.on("page", () => {
    if (model.page === state.page) return;
    // Python may confirm a turn after the user has gone on to the next page: that is no wish to go back.
    if (state.turns.includes(model.page) && performance.now() - state.turnedAt < ECHO) {
      model.page = state.page;
      return;
    }
    state.page = model.page;
    state.wantsScroll = 0;
    plan();
  });
  model.on("n_rows", () => {
    state.total = model.n_rows;
    showBar();
  });
  model.on(["url", "version", "page_size"], plan);
  // Columns that change with their order and widths are laid out once, before anything is fetched for them.
  let laying = "";
  const layOut = () => {
    if (!laying) return;
    newColumns(laying === "order");
    laying = "";
    showBar();
    if (!stale) redraw();
  };
  const relay = (what) => {
    if (!laying) queueMicrotask(layOut);
    laying = what === "columns" || laying === "columns" ? "columns" : "order";
  };
  model.on("columns", () => {
    relay("columns");
    plan();
  });
  model.on(["shown", "frozen", "layout", "thumbs"], () => {
    relay("order");
    plan();
  });
  model.on("widths", () => relay("order"));
  model.on(["message", "n_all", "condition", "condition_problem", "can_thumb"], showBar);
  model.on(["sort", "filters", "problems", "sky"], () => {
    heads.update();
    showBar();
    if (!stale) redraw();
  });
  model.on("current", () => {
    if (!stale) redraw();
  });
  model.on("hovered_row", () => {
    if (!stale && model.hovered_row !== state.told) redraw();
  });
  const follow = () => {
    if (model.current_place < 0) return;
    const page = Math.floor(model.current_place / model.page_size);
    state.wantsScroll = model.current_place % model.page_size;
    if (page !== state.page) {
      state.page = page;
      model.page = page;
      plan();
    } else if (!stale) redraw();
  };
  model.on("current_place", follow);

  // --- from the user's hand ---

  const { point, tick } = listenToClicks({ root, state, pages, tell, redraw });
  listenToKeys({ state, heads, redraw, turnTo, point, tick, last, menu: openMenu, copy, height });
  listenToDrags({
    table,
    marker,
    columnAt: (th) => {
      const meta = table.getMeta(th);
      return meta ? state.columnOf(meta) : -1;
    },
    move: (from, before) => arrange("move", [state.columns[from].name], state.columns[before]?.name ?? ""),
    widen: (place, width) => (width ? arrange("widen", [state.columns[place].name], "", width) : fit(state.columns[place].name)),
  });

  table.addStyleListener(() => dress(state, heads));
  newColumns(false);
  if (model.current_place >= 0) follow();
  const resized = new ResizeObserver(() => {
    if (!visible()) return;
    if (stale) refresh();
    else redraw();
  });
  resized.observe(body);
  model.on("remove", () => {
    resized.disconnect();
    pages.stop();
    heads.stop();
    thumbs.stop();
    menu.close(false);
  });
  showBar();
  return root;
}

// Scrolls so that row `y` of the page lies wholly in sight.
export function keepInSight(table, y, height = ROW) {
  const room = table.clientHeight - LEVELS * ROW;
  const top = y * height;
  if (top < table.scrollTop) table.scrollTop = top;
  else if (top + height > table.scrollTop + room) table.scrollTop = top + height - room;
}

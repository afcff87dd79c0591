// The grid: regular-table joined to pages of rows over HTTP and to the user's gestures.
import "regular-table";
import { PageBar } from "./grid/bar.js";
import { dress } from "./grid/cells.js";
import css from "./grid/grid.css";
import { Heads } from "./grid/head.js";
import { listenToKeys } from "./grid/keys.js";
import { Pages } from "./grid/pages.js";
import { addStyle, element, gesture } from "./parts/kit.js";

const ECHO = 1000; // ms in which Python's answer to a turn may still come

export function render({ model }) {
  const root = element("div", { class: "tv-table" });
  const body = element("div", { class: "tv-grid-body" });
  const table = document.createElement("regular-table");
  const empty = element("div", { class: "tv-empty", role: "status" });
  body.append(table, empty);
  addStyle(root, css);

  // What is on screen. `active` is the cell the keyboard is at; `anchor` the last row ticked, for Shift.
  const state = {
    model,
    table,
    rows: [],
    total: model.n_rows,
    page: model.page,
    active: { x: 0, y: 0 },
    anchor: -1,
    turns: [], // pages the user has just turned through
    turnedAt: 0,
    wantsScroll: null,
  };
  const pages = new Pages();
  const heads = new Heads(model, (name, fields) => {
    state.turns = []; // another order or filter: a page set by Python counts again
    gesture(model, name, fields);
  });
  const bar = new PageBar(turnTo);
  root.append(body, bar.element);

  const last = () => Math.max(0, Math.ceil(state.total / model.page_size) - 1);
  const visible = () => body.clientHeight > 0 && body.clientWidth > 0;

  // --- drawing ---

  const listener = async (x0, y0, x1, y1) => {
    const shown = state.rows.slice(y0, y1);
    const columns = model.columns.slice(x0, x1);
    return {
      num_rows: state.rows.length,
      num_columns: model.columns.length,
      num_row_headers: 1,
      num_column_headers: 3,
      row_headers: shown.map(() => [""]),
      column_headers: columns.map((column) => heads.cells(column)),
      column_header_merge_depth: 0,
      merge_headers: "column", // never merge equal cells below each other
      data: columns.map((_, i) => shown.map((row) => row[2][x0 + i])),
    };
  };

  const redraw = async () => {
    if (!visible()) return;
    await table.draw();
    const want = state.wantsScroll;
    if (want === null) return;
    state.wantsScroll = null;
    keepInSight(table, want);
  };

  const newColumns = () => {
    heads.forget();
    table.setDataListener(listener, { virtual_mode: "both" });
    table.resetAutoSize?.();
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
      trouble: pages.error || (problem ? `${problem[0]}: ${problem[1]}` : ""),
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
    stale = false;
    const size = model.page_size;
    const asked = { url: model.url, columns: model.columns, page: state.page, size };
    if (under && Object.keys(asked).every((key) => asked[key] === under[key])) {
      again = true;
      return;
    }
    if (!model.url || !model.columns.length) {
      state.rows = [];
      showBar();
      await redraw();
      return;
    }
    const slow = setTimeout(() => root.classList.add("tv-busy"), 120);
    const ask = { url: model.url, version: model.version, start: state.page * size, count: size };
    under = asked;
    again = false;
    const answer = await pages.get(ask);
    clearTimeout(slow);
    if (answer === null) return; // a newer question is on its way
    under = null;
    root.classList.remove("tv-busy");
    root.classList.toggle("tv-failed", Boolean(pages.error));
    // Rows of another shape belong to a result whose columns are still on their way here.
    const fits = answer?.rows.every((row) => row[2].length === model.columns.length);
    if (fits) {
      state.rows = answer.rows;
      state.total = answer.total;
      if (state.page > last() && state.total > 0) {
        state.page = last();
        model.page = state.page;
        return refresh();
      }
    }
    showBar();
    await redraw();
    if (again) return refresh();
    if (ahead && state.page < last()) pages.ahead({ ...ask, start: ask.start + size });
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
    gesture(model, "paged", { page: wanted });
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
  model.on("columns", () => {
    newColumns();
    plan();
  });
  model.on("message", showBar);
  model.on(["sort", "filters", "problems"], () => {
    heads.update();
    showBar();
    if (!stale) redraw();
  });
  model.on("current", () => {
    if (!stale) redraw();
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

  const tick = (y, on, toAnchor) => {
    const from = toAnchor && state.anchor >= 0 ? Math.min(state.anchor, y) : y;
    const to = toAnchor && state.anchor >= 0 ? Math.max(state.anchor, y) : y;
    const rows = state.rows.slice(from, to + 1);
    for (const row of rows) row[1] = on ? 1 : 0;
    state.anchor = y;
    gesture(model, "checked", { rows: rows.map((row) => row[0]), on, all: false });
    redraw();
  };
  const tickAll = () => {
    const on = !state.rows.every((row) => row[1]);
    for (const row of state.rows) row[1] = on ? 1 : 0;
    pages.forget();
    gesture(model, "checked", { rows: [], on, all: true });
    redraw();
  };
  const point = (y) => gesture(model, "clicked", { row: state.rows[y][0] });

  table.addEventListener("click", (event) => {
    const cell = event.target.closest("td, th");
    const meta = cell && table.getMeta(cell);
    if (!meta) return;
    if (meta.type === "corner") {
      if (meta.column_header_y === 0 && state.rows.length) tickAll();
    } else if (meta.type === "row_header") {
      if (event.shiftKey) root.getRootNode().getSelection?.()?.removeAllRanges();
      tick(meta.y, !state.rows[meta.y][1], event.shiftKey);
    } else if (meta.type === "body" && state.rows[meta.y]) {
      state.active = { x: meta.x, y: meta.y };
      const chosen = root.getRootNode().getSelection?.() ?? document.getSelection();
      if (chosen && !chosen.isCollapsed && String(chosen).trim()) return; // text was marked, no row chosen
      redraw();
      point(meta.y);
    }
  });
  listenToKeys({ state, heads, redraw, turnTo, point, tick, last });

  table.addStyleListener(() => dress(state, heads));
  newColumns();
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
  });
  showBar();
  return root;
}

// Scrolls so that row `y` of the page lies wholly in sight.
export function keepInSight(table, y) {
  const height = 24;
  const room = table.clientHeight - 3 * height;
  const top = y * height;
  if (top < table.scrollTop) table.scrollTop = top;
  else if (top + height > table.scrollTop + room) table.scrollTop = top + height - room;
}

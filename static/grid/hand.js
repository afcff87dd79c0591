// Clicks in the grid: ticks of rows, the current row, the active cell; and the row under the pointer.
import { debounce } from "../parts/kit.js";

const REST_MS = 80; // a pointer on its way across the rows says nothing

export function listenToClicks({ root, state, pages, tell, redraw }) {
  const { table } = state;

  const tick = (y, on, toAnchor) => {
    const from = toAnchor && state.anchor >= 0 ? Math.min(state.anchor, y) : y;
    const to = toAnchor && state.anchor >= 0 ? Math.max(state.anchor, y) : y;
    const chosen = state.rows.slice(from, to + 1);
    for (const row of chosen) row[1] = on ? 1 : 0;
    state.anchor = y;
    tell("checked", { rows: chosen.map((row) => row[0]), on, all: false });
    redraw();
  };
  const tickAll = () => {
    const on = !state.rows.every((row) => row[1]);
    for (const row of state.rows) row[1] = on ? 1 : 0;
    pages.forget();
    tell("checked", { rows: [], on, all: true });
    redraw();
  };
  const point = (y) => tell("clicked", { row: state.rows[y][0] });

  table.addEventListener("click", (event) => {
    const cell = event.target.closest("td, th");
    const meta = cell && table.getMeta(cell);
    if (!meta || meta.type === "column_header") return;
    if (meta.type === "corner") {
      if (meta.row_header_x === 0 && meta.column_header_y === 0 && state.rows.length) tickAll();
    } else if (meta.type === "row_header" && meta.row_header_x === 0) {
      if (event.shiftKey) root.getRootNode().getSelection?.()?.removeAllRanges();
      tick(meta.y, event.shiftKey || !state.rows[meta.y][1], event.shiftKey);
    } else if (state.rows[meta.y]) {
      state.active = { x: Math.max(state.columnOf(meta), 0), y: meta.y };
      const chosen = root.getRootNode().getSelection?.() ?? document.getSelection();
      if (chosen && !chosen.isCollapsed && String(chosen).trim()) return; // text was marked, no row chosen
      redraw();
      point(meta.y);
    }
  });
  listenToHover(state, tell);
  return { point, tick };
}

// Which row the pointer rests on, for the views that show the same rows; told only where one asks for it.
function listenToHover(state, tell) {
  const { table, model } = state;
  const say = debounce((row) => {
    if (row === state.told) return;
    state.told = row;
    tell("hovered", { row });
  }, REST_MS);
  state.told = -1;
  table.addEventListener("pointerover", (event) => {
    if (!model.hovers) return;
    const cell = event.target.closest("td, th");
    const meta = cell && table.getMeta(cell);
    const body = meta && (meta.type === "body" || meta.type === "row_header");
    say(body && state.rows[meta.y] ? state.rows[meta.y][0] : -1);
  });
  table.addEventListener("pointerleave", () => model.hovers && say(-1));
}

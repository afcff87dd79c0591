// Clicks in the grid: ticks of rows, the current row, the active cell.

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
  return { point, tick };
}

// The grid's keyboard: one active cell, moved by keys, that need not be on screen.

const ROW = 24;

export function listenToKeys({ state, heads, redraw, turnTo, point, tick, last }) {
  const { table, model } = state;

  const move = async (dx, dy) => {
    const columns = model.columns.length;
    const x = Math.min(Math.max(state.active.x + dx, 0), Math.max(columns - 1, 0));
    let y = state.active.y + dy;
    if (y < 0 && Math.abs(dy) === 1 && state.page > 0) return turnTo(state.page - 1, model.page_size - 1);
    if (y >= state.rows.length && Math.abs(dy) === 1 && state.page < last()) return turnTo(state.page + 1, 0);
    y = Math.min(Math.max(y, 0), Math.max(state.rows.length - 1, 0));
    const sideways = x !== state.active.x;
    state.active = { x, y };
    state.wantsScroll = y;
    if (sideways) await bringColumn(x);
    await redraw();
  };

  // Scrolls sideways until the column is wholly drawn. Widths of columns never seen are guesses, so the first
  // jump may land beside it.
  const bringColumn = async (x) => {
    for (let attempt = 0; attempt < 6; attempt++) {
      const heads = [...table.querySelectorAll("thead tr:first-child th")];
      const cell = heads.find((th) => table.getMeta(th)?.x === x);
      const left = heads[0]?.getBoundingClientRect().right ?? 0;
      const right = table.getBoundingClientRect().left + table.clientWidth;
      const box = cell?.getBoundingClientRect();
      if (box && box.left >= left - 1 && (box.right <= right + 1 || box.left < left + 40)) return;
      if (!box || box.left < left) await table.scrollToCell(x, Math.floor(table.scrollTop / ROW));
      else {
        table.scrollLeft += Math.ceil(box.right - right) + 2;
        await table.flush();
      }
    }
  };

  const screenful = () => Math.max(1, Math.floor(table.clientHeight / ROW) - 4);
  const whole = Infinity;
  const moves = {
    ArrowDown: () => move(0, 1),
    ArrowUp: () => move(0, -1),
    ArrowRight: () => move(1, 0),
    ArrowLeft: () => move(-1, 0),
    PageDown: () => (state.active.y >= state.rows.length - 1 ? turnTo(state.page + 1) : move(0, screenful())),
    PageUp: () => (state.active.y <= 0 ? turnTo(state.page - 1) : move(0, -screenful())),
    Home: (event) => (event.ctrlKey ? move(0, -whole) : move(-whole, 0)),
    End: (event) => (event.ctrlKey ? move(0, whole) : move(whole, 0)),
    s: () => heads.sortBy(model.columns[state.active.x]?.name, false),
    S: () => heads.sortBy(model.columns[state.active.x]?.name, true),
    f: () => heads.focusFilter(model.columns[state.active.x]?.name),
    Enter: () => state.rows[state.active.y] && point(state.active.y),
    " ": (event) => {
      const row = state.rows[state.active.y];
      if (row) tick(state.active.y, !row[1], event.shiftKey);
    },
  };

  table.addEventListener("keydown", (event) => {
    if (event.target !== table || event.altKey || event.metaKey) return;
    const act = moves[event.key];
    if (!act || (event.ctrlKey && !["Home", "End"].includes(event.key))) return;
    event.preventDefault();
    act(event);
  });

  // Ctrl+C without marked text copies the active cell, as text.
  table.addEventListener("copy", (event) => {
    const chosen = table.getRootNode().getSelection?.() ?? document.getSelection();
    if (event.target.matches?.("input") || (chosen && !chosen.isCollapsed)) return;
    const text = state.rows[state.active.y]?.[2][state.active.x];
    if (text === undefined) return;
    event.clipboardData.setData("text/plain", text ?? "");
    event.preventDefault();
  });
}

// The grid's keyboard: one active cell, moved by keys, that need not be on screen.

export function listenToKeys({ state, heads, redraw, turnTo, point, tick, last, menu, copy, height }) {
  const { table, model } = state;

  const move = async (dx, dy) => {
    const x = Math.min(Math.max(state.active.x + dx, 0), Math.max(state.columns.length - 1, 0));
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

  // To a row of the first or last page, in the first or last column.
  const toCorner = async (dx, page, y) => {
    if (page === state.page) return move(dx, y - state.active.y);
    turnTo(page, y);
    await move(dx, 0);
  };

  // Scrolls sideways until the column is wholly drawn. Widths of columns never seen are guesses, so the first
  // jump may land beside it.
  const bringColumn = async (place) => {
    const x = place - state.frozen;
    if (place === 0) table.scrollLeft = 0;
    if (x < 0) return;
    for (let attempt = 0; attempt < 6; attempt++) {
      const all = [...table.querySelectorAll("thead tr:first-child th")];
      const corners = all.filter((th) => table.getMeta(th)?.type === "corner");
      const cell = all.find((th) => table.getMeta(th)?.type === "column_header" && table.getMeta(th).x === x);
      const left = corners.at(-1)?.getBoundingClientRect().right ?? 0;
      const right = table.getBoundingClientRect().left + table.clientWidth;
      const box = cell?.getBoundingClientRect();
      if (box && box.left >= left - 1 && (box.right <= right + 1 || box.left < left + 40)) return;
      if (!box || box.left < left) await table.scrollToCell(x, Math.floor(table.scrollTop / height()));
      else {
        table.scrollLeft += Math.ceil(box.right - right) + 2;
        await table.flush();
      }
    }
  };

  const column = () => state.columns[state.active.x];
  const openMenu = async () => {
    if (!column()) return;
    await bringColumn(state.active.x);
    await redraw();
    const button = heads.menuOf(column().name);
    if (button) menu(column(), button);
  };
  const screenful = () => Math.max(1, Math.floor(table.clientHeight / height()) - 4);
  const whole = Infinity;
  const moves = {
    ArrowDown: (event) => (event.altKey ? openMenu() : move(0, 1)),
    ArrowUp: () => move(0, -1),
    ArrowRight: () => move(1, 0),
    ArrowLeft: () => move(-1, 0),
    PageDown: () => (state.active.y >= state.rows.length - 1 ? turnTo(state.page + 1) : move(0, screenful())),
    PageUp: () => (state.active.y <= 0 ? turnTo(state.page - 1) : move(0, -screenful())),
    Home: (event) => (event.ctrlKey ? toCorner(-whole, 0, 0) : move(-whole, 0)),
    End: (event) => (event.ctrlKey ? toCorner(whole, last(), (Math.max(state.total, 1) - 1) % model.page_size) : move(whole, 0)),
    F2: openMenu,
    s: () => heads.sortBy(column()?.name, false),
    S: () => heads.sortBy(column()?.name, true),
    f: async () => {
      if (!column()) return;
      await bringColumn(state.active.x);
      await redraw();
      heads.focusFilter(column().name);
    },
    o: () => state.rows[state.active.y]?.links?.get(state.active.x)?.click(),
    Enter: () => state.rows[state.active.y] && point(state.active.y),
    " ": (event) => {
      const row = state.rows[state.active.y];
      if (row) tick(state.active.y, event.shiftKey || !row[1], event.shiftKey);
    },
  };

  table.addEventListener("keydown", (event) => {
    if (event.target !== table || event.metaKey) return;
    const act = moves[event.key];
    if (!act || (event.ctrlKey && !["Home", "End"].includes(event.key))) return;
    if (event.altKey && event.key !== "ArrowDown") return;
    event.preventDefault();
    act(event);
  });

  // Ctrl+C without marked text copies the active cell; in a marked row, all marked rows.
  table.addEventListener("copy", (event) => {
    const chosen = table.getRootNode().getSelection?.() ?? document.getSelection();
    if (event.target.matches?.("input") || (chosen && !chosen.isCollapsed)) return;
    const row = state.rows[state.active.y];
    if (!row) return;
    event.preventDefault();
    if (row[1]) copy();
    else event.clipboardData.setData("text/plain", row[2][state.active.x] ?? "");
  });
}

// Dresses the cells that regular-table has drawn: classes, roles and marks of rows; never their text.

const IDENTIFIER = /(^|_)id$|Id$/;

function set(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function dress(state, heads) {
  const { table, model, rows } = state;
  const inner = table.children[0];
  set(table, "role", "grid");
  set(table, "tabindex", "0");
  set(table, "aria-label", model.label);
  set(table, "aria-multiselectable", "true");
  set(table, "aria-rowcount", String(state.total + 3));
  set(table, "aria-colcount", String(model.columns.length + 1));
  set(inner, "role", "presentation");
  const some = rows.some((row) => row[1]);
  const all = some && rows.every((row) => row[1]);

  for (const [level, line] of [...inner.tHead.rows].entries()) {
    set(line, "role", "row");
    for (const th of line.cells) {
      const meta = table.getMeta(th);
      if (!meta) continue;
      if (meta.type === "corner") {
        set(th, "role", level ? "presentation" : "columnheader");
        th.classList.toggle("tv-check", level === 0);
        if (level === 0) {
          set(th, "aria-checked", all ? "true" : some ? "mixed" : "false");
          set(th, "aria-label", "Select all rows of the view");
          th.title = "Select all rows of the view, or none";
        }
        continue;
      }
      const column = model.columns[meta.x];
      if (!column) continue;
      th.classList.remove("tv-check");
      th.removeAttribute("aria-checked");
      th.removeAttribute("aria-label");
      th.removeAttribute("title");
      set(th, "role", level ? "presentation" : "columnheader");
      set(th, "aria-colindex", String(meta.x + 2));
      if (level === 0) set(th, "aria-sort", heads.orderOf(column.name));
      th.classList.toggle("tv-num", Boolean(column.numeric));
    }
  }

  const first = state.page * model.page_size;
  let activeCell = null;
  for (const line of inner.tBodies[0].rows) {
    set(line, "role", "row");
    for (const cell of line.cells) {
      const meta = table.getMeta(cell);
      const row = meta && rows[meta.y];
      if (!row) continue;
      const selected = Boolean(row[1]);
      cell.classList.toggle("tv-current", row[0] === model.current);
      cell.classList.toggle("tv-selected", selected);
      if (meta.type === "row_header") {
        cell.classList.add("tv-check");
        set(line, "aria-rowindex", String(first + meta.y + 4));
        set(line, "aria-selected", String(selected));
        set(line, "data-row", String(row[0]));
        set(cell, "role", "rowheader");
        set(cell, "aria-checked", String(selected));
        set(cell, "aria-label", `Row ${first + meta.y + 1}`);
        continue;
      }
      const column = model.columns[meta.x];
      const active = meta.x === state.active.x && meta.y === state.active.y;
      set(cell, "role", "gridcell");
      set(cell, "aria-colindex", String(meta.x + 2));
      cell.classList.toggle("tv-num", Boolean(column?.numeric));
      cell.classList.toggle("tv-id", Boolean(column && IDENTIFIER.test(column.name)));
      cell.classList.toggle("tv-null", row[2][meta.x] === null);
      cell.classList.toggle("tv-active", active);
      if (active) activeCell = cell;
      else if (cell.id) cell.removeAttribute("id");
    }
  }
  if (activeCell) {
    activeCell.id = "tv-active-cell";
    set(table, "aria-activedescendant", "tv-active-cell");
  } else table.removeAttribute("aria-activedescendant");
  heads.restoreFocus();
}

// Dresses the cells that regular-table has drawn: classes, roles and marks of rows; never their text.

const IDENTIFIER = /(^|_)id$|Id$/;
const LINK = /^https?:\/\/\S+$/i;
const DECIMAL = /^-?\d+(?:\.(\d+))?$/;
const FIGURE = "\u2007"; // a space as wide as a digit
const MOST = 9; // digits after the point that are made room for

function set(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

// The digits after the point that column `x` of a page leaves room for, so that points stand below each other.
function room(sheet, x) {
  if (!sheet.aligned.has(x)) {
    let most = 0;
    let least = Infinity;
    for (const row of sheet.rows) {
      const found = row[2][x] ? DECIMAL.exec(row[2][x]) : null;
      const digits = found ? (found[1] ?? "").length : null;
      if (digits === null) continue;
      most = Math.max(most, digits);
      least = Math.min(least, digits);
    }
    sheet.aligned.set(x, most > least ? Math.min(most, MOST) : 0);
  }
  return sheet.aligned.get(x);
}

// What regular-table is given for a cell: text, padded after the point; a link for an address.
export function cellValue(sheet, row, x, column) {
  const text = row[2][x];
  if (text === undefined || text === null) return null;
  if (column.numeric) {
    const wanted = room(sheet, x);
    const found = wanted && DECIMAL.exec(text);
    if (!found) return text;
    const lacking = wanted - (found[1] ?? "").length;
    // Without a point of its own the text also lacks the width of the point.
    return lacking > 0 ? text + (found[1] ? "" : "\u2008") + FIGURE.repeat(lacking) : text;
  }
  if (text.length > 10 && LINK.test(text)) return link(row, x, text);
  return text;
}

function link(row, x, text) {
  row.links ??= new Map();
  if (!row.links.has(x)) {
    const anchor = document.createElement("a");
    anchor.href = text;
    anchor.target = "_blank";
    anchor.rel = "noopener noreferrer";
    anchor.tabIndex = -1;
    anchor.textContent = text;
    row.links.set(x, anchor);
  }
  return row.links.get(x);
}

export function dress(state, heads) {
  const { table, model, rows, columns } = state;
  const inner = table.children[0];
  set(table, "role", "grid");
  set(table, "tabindex", "0");
  set(table, "aria-label", model.label);
  set(table, "aria-multiselectable", "true");
  set(table, "aria-rowcount", String(state.total + 3));
  set(table, "aria-colcount", String(columns.length + 1));
  set(inner, "role", "presentation");
  const some = rows.some((row) => row[1]);
  const all = some && rows.every((row) => row[1]);

  for (const [level, line] of [...inner.tHead.rows].entries()) {
    set(line, "role", "row");
    set(line, "aria-rowindex", String(level + 1));
    for (const th of line.cells) {
      const meta = table.getMeta(th);
      if (!meta) continue;
      const x = state.columnOf(meta);
      const tick = meta.type === "corner" && meta.row_header_x === 0;
      th.classList.toggle("tv-check", tick && level === 0);
      th.classList.toggle("tv-frozen", meta.type === "corner" && x >= 0);
      th.classList.toggle("tv-last-frozen", meta.type === "corner" && meta.row_header_x === state.lead + state.frozen - 1 && state.frozen > 0);
      if (tick) {
        set(th, "role", level ? "presentation" : "columnheader");
        if (level === 0) {
          set(th, "aria-colindex", "1");
          set(th, "aria-checked", all ? "true" : some ? "mixed" : "false");
          set(th, "aria-label", "Select all rows of the view");
          th.title = "Select all rows of the view, or none";
        }
        continue;
      }
      for (const name of ["aria-checked", "aria-label", "title"]) th.removeAttribute(name);
      const column = columns[x];
      if (!column) continue;
      if (meta.type === "corner") {
        // regular-table leaves the head of a row header to us; it keeps what stands in its own span.
        const part = heads.cells(column)[level];
        const holder = th.firstChild;
        if (part instanceof Node ? holder.firstChild !== part : holder.textContent !== part) holder.replaceChildren(part);
      }
      set(th, "role", level ? "presentation" : "columnheader");
      set(th, "aria-colindex", String(x + 2));
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
      const x = state.columnOf(meta);
      const tick = meta.type === "row_header" && meta.row_header_x === 0;
      cell.classList.toggle("tv-current", row[0] === model.current);
      cell.classList.toggle("tv-hovered", row[0] === model.hovered_row);
      cell.classList.toggle("tv-selected", selected);
      cell.classList.toggle("tv-check", tick);
      cell.classList.toggle("tv-frozen", meta.type === "row_header" && x >= 0);
      cell.classList.toggle("tv-last-frozen", meta.type === "row_header" && state.frozen > 0 && x === state.frozen - 1);
      cell.classList.toggle("tv-thumb", meta.type === "row_header" && !tick && x < 0);
      if (tick) {
        set(line, "aria-rowindex", String(first + meta.y + 4));
        set(line, "aria-selected", String(selected));
        set(line, "data-row", String(row[0]));
        set(cell, "role", "rowheader");
        set(cell, "aria-checked", String(selected));
        set(cell, "aria-label", `Row ${first + meta.y + 1}`);
        continue;
      }
      for (const name of ["aria-checked", "aria-label"]) cell.removeAttribute(name);
      const column = columns[x];
      const active = x >= 0 && x === state.active.x && meta.y === state.active.y;
      set(cell, "role", "gridcell");
      set(cell, "aria-colindex", String(x + 2));
      cell.classList.toggle("tv-num", Boolean(column?.numeric));
      cell.classList.toggle("tv-id", Boolean(column && IDENTIFIER.test(column.name)));
      cell.classList.toggle("tv-null", x >= 0 && row[2][x] === null);
      cell.classList.toggle("tv-waiting", x >= 0 && row[2][x] === undefined);
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

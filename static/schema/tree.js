// The tree as a flat list of rows in sight of an endless window: what is open, what the search finds.

const OPEN_BELOW = 40; // a search opens tables of its own accord while fewer columns than this are found

export class Tree {
  constructor() {
    this.fill([]);
  }

  // What was open before stays open, by name.
  fill(schemas) {
    const open = new Set([...(this.schemas ?? []), ...(this.schemas ?? []).flatMap((s) => s.children)].filter((row) => row.open).map((row) => row.name));
    this.words = [];
    this.schemas = schemas.map((schema) => ({
      kind: "schema",
      level: 1,
      name: schema.name,
      description: schema.description ?? "",
      open: schemas.length <= 1 || open.has(schema.name),
      text: textOf(schema),
      children: (schema.tables ?? []).map((table) => tableRow(schema, table, open)),
    }));
    this.total = this.schemas.flatMap((s) => s.children).reduce((sum, t) => sum + t.children.length, 0);
    this.flatten();
  }

  open(row, open) {
    row.open = open;
    this.flatten();
  }

  // Shows what holds every word of the text in its name, description or UCD; an empty text shows all.
  search(text) {
    this.words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const has = (row) => this.words.every((word) => row.text.includes(word));
    let columns = 0;
    for (const schema of this.schemas) {
      for (const table of schema.children) {
        table.hit = has(table);
        table.found = 0;
        for (const column of table.children) {
          column.hit = has(column);
          if (column.hit) table.found++;
        }
        columns += table.found;
      }
    }
    if (this.words.length) {
      for (const schema of this.schemas) {
        schema.open = true;
        for (const table of schema.children) table.open = table.found > 0 && columns < OPEN_BELOW;
      }
      // With many hits the tables stay closed, but the fullest one shows what was found.
      const best = this.schemas.flatMap((s) => s.children).reduce((a, b) => (b.found > (a?.found ?? 0) ? b : a), null);
      if (best) best.open = true;
    }
    this.flatten();
  }

  flatten() {
    const searching = this.words.length > 0;
    this.rows = [];
    let tables = 0;
    let columns = 0;
    const schemas = this.schemas.filter((s) => !searching || s.children.some((t) => t.hit || t.found));
    schemas.forEach((schema, i) => {
      this.push(schema, i, schemas.length);
      const shown = schema.children.filter((t) => !searching || t.hit || t.found);
      tables += shown.length;
      columns += shown.reduce((sum, t) => sum + (searching ? t.found : t.children.length), 0);
      if (!schema.open) return;
      shown.forEach((table, j) => {
        this.push(table, j, shown.length);
        if (!table.open) return;
        // A table found by its own words shows all its columns, else only those found.
        const inside = searching && table.found ? table.children.filter((c) => c.hit) : table.children;
        inside.forEach((column, k) => this.push(column, k, inside.length));
      });
    });
    const count = (n, noun) => `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
    this.summary = !this.schemas.length
      ? ""
      : searching && !this.rows.length
        ? "Nothing found"
        : `${count(tables, "table")}, ${count(columns, "column")}`;
  }

  push(row, place, size) {
    row.place = place + 1;
    row.size = size;
    this.rows.push(row);
  }

  // The place of the first row that the search found itself (not just a parent of it).
  firstHit() {
    const place = this.rows.findIndex((row) => row.kind !== "schema" && row.hit);
    return place < 0 ? 0 : place;
  }
}

function textOf(entry) {
  return `${entry.name}\n${entry.description ?? ""}\n${entry.ucd ?? ""}`.toLowerCase();
}

function tableRow(schema, table, open) {
  const full = table.name.includes(".") ? table.name : `${schema.name}.${table.name}`;
  return {
    kind: "table",
    level: 2,
    name: full,
    label: full.slice(full.indexOf(".") + 1),
    table: full,
    description: table.description ?? "",
    count: table.rows,
    open: open.has(full),
    text: textOf({ ...table, name: full }),
    children: (table.columns ?? []).map((column) => ({
      kind: "column",
      level: 3,
      name: column.name,
      table: full,
      datatype: column.datatype ?? "",
      unit: column.unit ?? "",
      ucd: column.ucd ?? "",
      description: column.description ?? "",
      principal: Boolean(column.principal),
      text: textOf(column),
    })),
  };
}

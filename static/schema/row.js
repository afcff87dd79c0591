// One row of the schema tree as an element; all that comes from a service goes in as text.
import { element } from "../parts/kit.js";

export const ROW_HEIGHT = 24; // as in schema.css

// The text with the first place of each searched word marked.
function marked(text, words) {
  const lower = text.toLowerCase();
  const spans = words
    .map((word) => [lower.indexOf(word), word.length])
    .filter(([at]) => at >= 0)
    .sort((a, b) => a[0] - b[0]);
  const parts = [];
  let done = 0;
  for (const [at, length] of spans) {
    if (at < done) continue;
    parts.push(text.slice(done, at), element("mark", {}, text.slice(at, at + length)));
    done = at + length;
  }
  return [...parts, text.slice(done)].filter((part) => part !== "");
}

// 2,300,000 -> 2.3 M
function short(count) {
  if (count === null || count === undefined) return "";
  for (const [size, sign] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (count >= size) return `${(count / size).toPrecision(2 + (count / size >= 100))} ${sign}`;
  }
  return String(count);
}

export function drawRow(row, words, place) {
  const branch = row.kind !== "column";
  const node = element("div", {
    class: `tv-schema-row tv-schema-${row.kind}`,
    role: "treeitem",
    id: `tv-schema-${place}`,
    "aria-level": row.level,
    "aria-posinset": row.place,
    "aria-setsize": row.size,
    "aria-expanded": branch ? String(row.open) : null,
    "aria-label": [row.label ?? row.name, row.datatype, row.unit].filter(Boolean).join(", "),
  });
  node.row = row;
  node.place = place;
  node.open = row.open;
  node.style.top = `${place * ROW_HEIGHT}px`;
  node.title = [
    row.kind === "column" ? `${row.table}.${row.name}` : row.name,
    [row.datatype, row.unit && `[${row.unit}]`, row.ucd].filter(Boolean).join("  "),
    row.description,
  ]
    .filter(Boolean)
    .join("\n");

  node.append(element("span", { class: "tv-schema-twisty", "aria-hidden": "true" }));
  const name = element("span", { class: "tv-schema-name" }, ...marked(row.label ?? row.name, words));
  if (row.principal) name.classList.add("tv-principal");
  node.append(name);
  if (row.kind === "column") {
    if (row.unit) node.append(element("span", { class: "tv-schema-unit" }, row.unit));
    node.append(element("span", { class: "tv-schema-type" }, row.datatype));
  }
  if (row.count !== null && row.count !== undefined) {
    node.append(element("span", { class: "tv-schema-count" }, short(row.count)));
  }
  node.append(element("span", { class: "tv-schema-text" }, ...marked(row.description, words)));
  if (row.kind === "table") {
    node.append(element("span", { class: "tv-schema-pick", title: "Put this table into the query (Enter)" }, "+"));
  }
  return node;
}

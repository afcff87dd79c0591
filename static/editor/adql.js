// ADQL for CodeMirror: its words, and completion that knows the tables and aliases of the query at hand.
import { SQLDialect, sql } from "@codemirror/lang-sql";
import { syntaxTree } from "@codemirror/language";
import { tablesIn, wordBefore } from "./scope.js";

const KEYWORDS =
  "all and any as asc between by case cross desc distinct else end except exists from full group having ilike in " +
  "inner intersect is join left like limit natural not null offset on or order outer right select set some then top " +
  "union using when where with true false";

const TYPES = "bigint boolean char clob date double float integer int numeric precision real smallint timestamp varchar";

// ADQL's own geometry, mathematics and aggregates: coloured even before the vocabulary has arrived.
const FUNCTIONS =
  "abs acos area asin atan atan2 avg box cast ceiling centroid circle coalesce contains coord1 coord2 coordsys cos " +
  "cot count degrees distance exp floor in_unit intersects log log10 lower max min mod pi point polygon power " +
  "radians rand region round sign sin sqrt sum tan truncate upper";

const nameOf = (entry) => (typeof entry === "string" ? entry : entry.name);

export function adqlLanguage(vocabulary) {
  const known = (vocabulary.functions ?? []).map((entry) => nameOf(entry).toLowerCase());
  const dialect = SQLDialect.define({
    keywords: KEYWORDS,
    types: TYPES,
    builtin: [...new Set([...FUNCTIONS.split(" "), ...known])].join(" "),
    caseInsensitiveIdentifiers: true,
    spaceAfterDashes: false,
    operatorChars: "*+-%<>!=|/",
  });
  return sql({ dialect, upperCaseKeywords: true });
}

function option(entry, type, boost, apply) {
  const of = typeof entry === "string" ? { name: entry } : entry;
  return { label: of.name, type, boost, apply, detail: of.detail, info: of.description || undefined };
}

// A completion source over one vocabulary. Lists are made once and shared by all completions.
export function completionSource(vocabulary) {
  const tables = new Map();
  const schemas = new Map();
  for (const [name, columns] of Object.entries(vocabulary.tables ?? {})) {
    const [schema, table] = name.includes(".") ? name.split(/\.(.*)/s) : ["", name];
    tables.set(name.toLowerCase(), { name, columns: columns.map((c) => option(c, "column", 2)) });
    if (!schemas.has(schema.toLowerCase())) schemas.set(schema.toLowerCase(), []);
    schemas.get(schema.toLowerCase()).push(option(table || name, "table", 1));
  }
  const bare = new Map([...tables].map(([key, table]) => [key.split(".").pop(), table]));
  const find = (name) => tables.get(name.toLowerCase()) ?? bare.get(name.toLowerCase());
  const fixed = [
    ...KEYWORDS.split(" ").map((word) => option(word.toUpperCase(), "keyword", -1)),
    ...[...tables.values()].map(({ name }) => option(name, "table", 1)),
    ...(vocabulary.functions ?? []).map((entry) => option(entry, "function", 0, `${nameOf(entry)}(`)),
  ];

  return (context) => {
    const inside = syntaxTree(context.state).resolveInner(context.pos, -1).name;
    if (/Comment|String/.test(inside)) return null;
    const { from, owner, text } = wordBefore(context.state.doc.sliceString(0, context.pos));
    if (!text && owner === null && !context.explicit) return null;
    const used = tablesIn(context.state.doc.toString(), context.pos);
    const validFor = /^\w*$/;
    if (owner !== null) {
      const known = used.find((t) => t.alias.toLowerCase() === owner.toLowerCase());
      const table = find(known ? known.table : owner);
      const options = table?.columns ?? schemas.get(owner.toLowerCase());
      return options ? { from, options, validFor } : null;
    }
    const columns = new Map();
    const aliases = [];
    for (const { table, alias } of used) {
      for (const column of find(table)?.columns ?? []) columns.set(column.label, column);
      if (alias !== table) aliases.push(option({ name: alias, detail: table }, "alias", 3));
    }
    return { from, options: [...aliases, ...columns.values(), ...fixed], validFor };
  };
}

// Which tables and aliases a query names around the caret; works on unfinished text, knows no vocabulary.

const NOT_ALIAS = new Set(
  ("where join inner left right full outer cross natural on using group order having union intersect except " +
    "limit offset from select as").split(" "),
);

// The word that ends the text: {from, text, owner}; owner is the name before its dot, or null.
export function wordBefore(text) {
  const found = /(?:((?:\w+|"[^"]*")(?:\.(?:\w+|"[^"]*"))*)\.)?(\w*)$/.exec(text);
  const word = found[2];
  return { from: text.length - word.length, text: word, owner: found[1]?.replaceAll('"', "") ?? null };
}

// Strings and comments become blanks of the same length, so that positions stay.
function blanked(text) {
  return text.replace(/--[^\n]*|'(?:[^']|'')*'?/g, (part) => " ".repeat(part.length));
}

// [start, end] of the innermost brackets with a SELECT around `position`, or the whole statement.
function statementAround(text, position) {
  const open = [];
  let best = [0, text.length];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === ";" && i < position) {
      best = [i + 1, text.length];
      open.length = 0;
    } else if (text[i] === "(") {
      open.push(i);
    } else if (text[i] === ")" && open.length) {
      const start = open.pop();
      const holds = start < position && position <= i;
      if (holds && /^\(\s*select\b/i.test(text.slice(start, i))) return [start + 1, i];
    }
  }
  const left = open.findLast((start) => start < position && /^\(\s*select\b/i.test(text.slice(start)));
  return left === undefined ? best : [left + 1, text.length];
}

// The tables named after FROM, JOIN and commas in the statement around `position`: [{table, alias}].
export function tablesIn(query, position) {
  const text = blanked(query);
  const [start, end] = statementAround(text, position);
  const found = [];
  const name = String.raw`((?:\w+|"[^"]*")(?:\.(?:\w+|"[^"]*"))*)(?:\s+(?:as\s+)?(\w+))?`;
  const first = new RegExp(String.raw`\b(?:from|join)\s+${name}`, "gi");
  const more = new RegExp(String.raw`^\s*,\s*${name}`, "i");
  const statement = text.slice(start, end);
  for (const match of statement.matchAll(first)) {
    let at = match.index;
    let next = match;
    while (next) {
      const table = next[1].replaceAll('"', "");
      const second = next[2];
      const aliased = second && !NOT_ALIAS.has(second.toLowerCase());
      found.push({ table, alias: aliased ? second : table.split(".").pop() });
      at += second && !aliased ? next[0].length - second.length : next[0].length;
      next = more.exec(statement.slice(at));
    }
  }
  return found;
}

const LIST = /\b(select|by)\b(?![\s\S]*\b(?:select|by|from|where|having|join|on|set)\b)/i;

// How to put `text` after what stands before the caret: a comma in a list of columns, else a blank where two words
// would run together. Gives {from, insert}: `from` may lie before the caret, on the end of the last word.
export function separated(before, text) {
  const trimmed = before.replace(/[ \t]+$/, "");
  const last = trimmed.at(-1) ?? "";
  const here = { from: before.length, insert: text };
  if (last === "" || last === "\n") return here;
  const word = /\w+$/.exec(trimmed)?.[0].toLowerCase() ?? "";
  const keyword = ["select", "distinct", "all", "by", "top"].includes(word) || NOT_ALIAS.has(word);
  const counted = /\b(?:select\s+(?:distinct\s+)?)top\s+\d+$/i.test(trimmed);
  const ended = /[\w")*]/.test(last) && !keyword && !counted;
  const blank = { from: before.length, insert: trimmed.length < before.length ? text : ` ${text}` };
  if (ended && LIST.test(blanked(trimmed))) return { from: trimmed.length, insert: `, ${text}` };
  return ended || keyword || counted || last === "," ? blank : here;
}

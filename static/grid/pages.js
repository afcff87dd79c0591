// Pages of rows over HTTP: the newest question wins, the last few answers are kept. A page of a wide result holds only
// the blocks of columns that were asked for; more are added to the same rows when they come into sight.

const KEPT = 6; // pages in memory: back and forth without asking again
export const BLOCK = 40; // columns in one question: three screens of numbers, 4000 cells of a page

// The numbers of the blocks that hold the columns [x0, x1).
function blocksOf(x0, x1) {
  const found = [];
  for (let block = Math.floor(x0 / BLOCK); block * BLOCK < x1; block++) found.push(block);
  return found;
}

// One page: rows [number, selected, cells], cells sparse by the place of their column in `columns`, those shown then.
export class Sheet {
  constructor(ask, columns, answer, blocks) {
    this.ask = ask;
    this.columns = columns;
    this.total = answer.total;
    this.blocks = new Set(blocks);
    this.rows = answer.rows.map(([number, selected, cells]) => [number, selected, this.spread(cells, blocks)]);
    this.failed = false;
    this.aligned = new Map();
  }

  missing(x0, x1) {
    return blocksOf(x0, Math.min(x1, this.columns.length)).filter((block) => !this.blocks.has(block));
  }

  // Takes cells of more columns, if they are of the very same rows; else tells so.
  join(answer, blocks) {
    const same = fits(answer, this.columns, blocks) && answer.rows.length === this.rows.length
      && answer.rows.every((row, y) => row[0] === this.rows[y][0]);
    if (!same) return false;
    answer.rows.forEach((row, y) => this.spread(row[2], blocks, this.rows[y][2]));
    for (const block of blocks) this.blocks.add(block);
    return true;
  }

  spread(cells, blocks, into = []) {
    places(blocks, this.columns.length).forEach((x, i) => { into[x] = cells[i]; });
    return into;
  }
}

// The places of the columns of some blocks, of `width` columns.
function places(blocks, width) {
  const found = [];
  for (const block of blocks) {
    for (let x = block * BLOCK; x < Math.min((block + 1) * BLOCK, width); x++) found.push(x);
  }
  return found;
}

// Whether an answer is of the columns asked for: while they change here, the server may already be further.
const fits = (answer, columns, blocks) => {
  const wanted = places(blocks, columns.length).map((x) => columns[x].name);
  return answer.names.length === wanted.length && wanted.every((name, i) => name === answer.names[i]);
};

export class Pages {
  constructor() {
    this.kept = new Map();
    this.ticket = 0;
    this.error = "";
    this.abort = null;
    this.filling = new Map();
  }

  // The sheet of ask {url, version, layout, start, count} with those of the shown `columns` that lie in [x0, x1) of a
  // pair in `spans`; null when a newer question came; undefined when it failed (see `error`) or does not fit.
  async get(ask, columns, spans) {
    const ticket = ++this.ticket;
    const key = addressOf(ask);
    this.abort?.abort();
    let sheet = this.kept.get(key);
    if (sheet?.columns !== columns) {
      this.abort = new AbortController();
      try {
        sheet = await this.fetch(ask, columns, spans, this.abort.signal);
      } catch (error) {
        if (ticket !== this.ticket) return null;
        this.error = String(error.message ?? error);
        return undefined;
      }
      if (ticket !== this.ticket) return null;
    }
    this.keep(key, sheet);
    this.error = "";
    return sheet;
  }

  async fetch(ask, columns, spans, signal) {
    const found = spans.flatMap(([x0, x1]) => blocksOf(x0, Math.min(x1, columns.length)));
    const blocks = [...new Set(found)].sort((a, b) => a - b);
    const answer = await fetchRows(ask, blocks, columns.length, signal);
    return fits(answer, columns, blocks) ? new Sheet(ask, columns, answer, blocks) : undefined;
  }

  // Asks for a page before it is wanted; a failure does not matter.
  async ahead(ask, columns, spans) {
    const key = addressOf(ask);
    const ticket = this.ticket;
    if (this.kept.has(key)) return;
    try {
      const sheet = await this.fetch(ask, columns, spans);
      if (ticket === this.ticket) this.keep(key, sheet);
    } catch {
      // it will be asked for again, and reported, when the user turns to it
    }
  }

  // Brings the blocks of columns into a sheet. False when its rows are no longer those of the view.
  async fill(sheet, blocks) {
    const key = `${addressOf(sheet.ask)} ${blocks.join()}`;
    if (!this.filling.has(key)) {
      this.filling.set(key, this.ask(sheet, blocks).finally(() => this.filling.delete(key)));
    }
    return this.filling.get(key);
  }

  async ask(sheet, blocks) {
    try {
      return sheet.join(await fetchRows(sheet.ask, blocks, sheet.columns.length), blocks);
    } catch (error) {
      sheet.failed = true; // not again for this sheet
      this.error = String(error.message ?? error);
      return true;
    }
  }

  keep(key, sheet) {
    if (!sheet) return;
    this.kept.delete(key);
    this.kept.set(key, sheet);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
  }

  forget() {
    this.kept.clear();
  }

  stop() {
    this.ticket++;
    this.abort?.abort();
    this.forget();
  }
}

export const joined = (url, query) => `${url}${url.includes("?") ? "&" : "?"}${query}`;

function addressOf({ url, version, layout, start, count }) {
  return joined(url, `start=${start}&count=${count}&layout=${layout}&v=${version}`);
}

async function fetchRows(ask, blocks, width, signal) {
  const spans = blocks.map((block) => `${block * BLOCK}-${Math.min((block + 1) * BLOCK, width)}`).join();
  const response = await fetch(`${addressOf(ask)}&columns=${spans}`, { signal });
  if (!response.ok) {
    const said = await response.json().catch(() => ({}));
    const words = [said.message, said.hint].filter(Boolean).join(" ");
    throw new Error(words || `The rows could not be fetched (status ${response.status}).`);
  }
  return response.json();
}

// Pages of rows over HTTP: the newest question wins, the last few answers are kept.

const KEPT = 6; // pages in memory: back and forth without asking again

export class Pages {
  constructor() {
    this.kept = new Map();
    this.ticket = 0;
    this.error = "";
    this.abort = null;
  }

  // The page {start, total, rows}; null when a newer question came; undefined when it failed (see `error`).
  async get(ask) {
    const ticket = ++this.ticket;
    const address = addressOf(ask);
    this.abort?.abort();
    let answer = this.kept.get(address);
    if (!answer) {
      this.abort = new AbortController();
      try {
        answer = await fetchPage(address, this.abort.signal);
      } catch (error) {
        if (ticket !== this.ticket) return null;
        this.error = String(error.message ?? error);
        return undefined;
      }
      if (ticket !== this.ticket) return null;
    }
    this.keep(address, answer);
    this.error = "";
    return answer;
  }

  // Asks for a page before it is wanted; a failure does not matter.
  async ahead(ask) {
    const address = addressOf(ask);
    const ticket = this.ticket;
    if (this.kept.has(address)) return;
    try {
      const answer = await fetchPage(address);
      if (ticket === this.ticket) this.keep(address, answer);
    } catch {
      // it will be asked for again, and reported, when the user turns to it
    }
  }

  keep(address, answer) {
    this.kept.delete(address);
    this.kept.set(address, answer);
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

function addressOf({ url, version, start, count }) {
  const join = url.includes("?") ? "&" : "?";
  return `${url}${join}start=${start}&count=${count}&v=${version}`;
}

async function fetchPage(address, signal) {
  const response = await fetch(address, { signal });
  if (!response.ok) {
    const said = await response.json().catch(() => ({}));
    const words = [said.message, said.hint].filter(Boolean).join(" ");
    throw new Error(words || `The rows could not be fetched (status ${response.status}).`);
  }
  const answer = await response.json();
  return { start: answer.start, total: answer.total, rows: answer.rows };
}

// Questions to the page's own address: a few at a time, dropped when nobody waits for the answer any more.
const AT_ONCE = 2;

export class Questions {
  constructor() {
    this.waiting = [];
    this.running = 0;
    this.control = new AbortController();
  }

  // Drops everything that was asked.
  drop() {
    this.control.abort();
    this.control = new AbortController();
    this.waiting = [];
    this.running = 0;
  }

  // Resolves with the answer, or with null when it was dropped or did not come.
  ask(url, fields) {
    return new Promise((resolve) => {
      this.waiting.push({ url, fields, resolve });
      this.next();
    });
  }

  async next() {
    if (this.running >= AT_ONCE || !this.waiting.length) return;
    const { url, fields, resolve } = this.waiting.shift();
    const { signal } = this.control;
    this.running += 1;
    let answer = null;
    try {
      const response = await fetch(`${url}?${new URLSearchParams(fields)}`, { signal });
      answer = response.ok ? await response.json() : { problem: "No answer came. Reload the page if this goes on." };
      if (answer.stopped) answer = null;
    } catch (error) {
      if (!signal.aborted) answer = { problem: `No answer came (${error.message}).` };
    }
    resolve(signal.aborted ? null : answer);
    if (signal.aborted) return;
    this.running -= 1;
    this.next();
  }
}

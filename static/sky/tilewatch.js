// Tells when the base survey has nothing to show where the view is: Aladin itself leaves such a place black in silence.
const PROBES = [0.1, 0.5, 0.9]; // of width and height
const LATER_MS = [300, 1000, 3000, 9000]; // after a tile that failed: is anything seen? The survey before may be still

export class TileWatch {
  // `base()` gives {survey, layer} or null, `tell(text)` says it, "" when all is well.
  constructor(base, view, tell, signal) {
    Object.assign(this, { base, view, tell });
    this.failed = new Map(); // address of a survey to the status of its last tile that failed
    if (!globalThis.PerformanceObserver) return;
    const watcher = new PerformanceObserver((list) => this.#take(list.getEntries()));
    watcher.observe({ type: "resource" });
    signal.addEventListener("abort", () => {
      watcher.disconnect();
      clearTimeout(this.timer);
    });
  }

  #take(entries) {
    const now = this.base();
    if (!now) return;
    const tiles = `${now.survey.address}/Norder`;
    for (const { name, responseStatus } of entries) {
      if (!name.startsWith(tiles) || !(responseStatus >= 400)) continue;
      this.failed.set(now.survey.address, responseStatus);
      this.#ask(0);
    }
  }

  #ask(turn) {
    clearTimeout(this.timer);
    if (turn >= LATER_MS.length) return;
    this.timer = setTimeout(() => {
      this.check();
      this.#ask(turn + 1);
    }, LATER_MS[turn]);
  }

  check() {
    const [now, view] = [this.base(), this.view()];
    if (!now || !view) return;
    const status = this.failed.get(now.survey.address);
    const seen = () =>
      PROBES.some((x) =>
        PROBES.some((y) => {
          try {
            return now.layer.readPixel(x * view.width, y * view.height) != null;
          } catch {
            return false;
          }
        }),
      );
    const why = status === 404 ? "" : `: its server answers with status ${status}`;
    this.tell(status && !seen() ? `${now.survey.name} has no tiles here${why}.` : "");
  }
}

// How often Aladin draws. Left alone it draws every frame, also when nothing moves, which keeps a core or a graphics
// card busy for as long as the page is open. Here it draws every frame while something happens, else now and then.

const AWAKE_MS = 1000; // what begins within this time after a sign of life is drawn frame by frame
const REST_MS = 500; // at rest: tiles that come late are taken in, and then it is awake again

export class Pace {
  constructor(view) {
    this.until = 0;
    let drawn = -REST_MS;
    if (typeof view.redrawClbk !== "function") return; // another version of Aladin: it keeps its own pace
    view.redrawClbk = (now) => {
      if (view.needRedraw || view.wasm.isRendering()) this.wake();
      if (performance.now() > this.until && now - drawn < REST_MS) {
        requestAnimationFrame(view.redrawClbk);
        return;
      }
      drawn = now;
      view.redraw(now); // asks for the next frame itself
    };
  }

  // Something happens, or is about to.
  wake() {
    this.until = performance.now() + AWAKE_MS;
  }

  // Wakes at whatever the user does inside `root`, until `signal`.
  listen(root, signal) {
    const options = { signal, capture: true, passive: true };
    for (const kind of ["pointerdown", "pointermove", "wheel", "touchmove", "keydown", "input", "change", "click"]) {
      root.addEventListener(kind, () => this.wake(), options);
    }
  }
}

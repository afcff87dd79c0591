// The user's hands on the cutout viewer: pointer, wheel, keys and buttons become the acts of image.js.

const STEP = 1.5; // zoom of one press
const PAN = 0.1; // of the view, for one arrow key

const KEYS = {
  "+": (acts) => acts.zoom(STEP),
  "=": (acts) => acts.zoom(STEP),
  "-": (acts) => acts.zoom(1 / STEP),
  0: (acts) => acts.fit(),
  x: (acts) => acts.invert(),
  m: (acts) => acts.toggleMask(),
  ArrowLeft: (acts) => acts.shift(-PAN * acts.view.width, 0),
  ArrowRight: (acts) => acts.shift(PAN * acts.view.width, 0),
  ArrowUp: (acts) => acts.shift(0, PAN * acts.view.height),
  ArrowDown: (acts) => acts.shift(0, -PAN * acts.view.height),
};

export function watchHands(frame, acts, signal) {
  const { host } = frame;
  const on = (node, type, run, more = {}) => node.addEventListener(type, run, { signal, ...more });
  const place = (event) => {
    const box = host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  let last = null;

  on(host, "pointerdown", (event) => {
    if (event.button !== 0) return;
    last = place(event);
    host.setPointerCapture(event.pointerId);
  });
  on(host, "pointermove", (event) => {
    if (!acts.ready()) return;
    const at = place(event);
    if (last) {
      acts.shift(last[0] - at[0], at[1] - last[1]);
      last = at;
    }
    acts.point(...acts.view.image(...at));
  });
  on(host, "pointerup", () => (last = null));
  on(host, "pointercancel", () => (last = null));
  on(host, "pointerleave", () => acts.ready() && acts.leave());
  const wheel = (event) => {
    event.preventDefault();
    const turn = Math.sign(event.deltaY) * Math.min(3, Math.abs(event.deltaY) / 100);
    acts.zoom(1.2 ** -turn, ...place(event));
  };
  on(host, "wheel", wheel, { passive: false });
  on(host, "dblclick", () => acts.fit());
  on(host, "keydown", (event) => {
    if (!acts.ready() || event.ctrlKey || event.metaKey || event.altKey) return;
    const run = KEYS[event.key];
    if (!run && !acts.band(event.key)) return;
    event.preventDefault();
    run?.(acts);
  });
  on(frame.fit, "click", () => acts.fit());
  on(frame.zoomIn, "click", () => acts.zoom(STEP));
  on(frame.zoomOut, "click", () => acts.zoom(1 / STEP));
  on(frame.invert, "click", () => acts.invert());
  on(frame.mask, "click", () => acts.toggleMask());
  on(frame.stretch, "change", () => acts.stretch(frame.stretch.value));
}

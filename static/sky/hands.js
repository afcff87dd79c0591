// The user's hands on the sky view: pointer, wheel, keys and buttons become the acts of sky.js.

const CLICK_PX = 4; // a pointer that moved less between down and up clicked
const STEP = 1.5; // zoom of one press
const PAN = 0.1; // of the view, for one arrow key

const KEYS = {
  "+": (acts) => acts.zoom(1 / STEP),
  "=": (acts) => acts.zoom(1 / STEP),
  "-": (acts) => acts.zoom(STEP),
  0: (acts) => acts.fit(),
  r: (acts) => acts.tool("rectangle"),
  c: (acts) => acts.tool("circle"),
  p: (acts) => acts.tool("polygon"),
  l: (acts) => acts.tool("lasso"),
  g: (acts) => acts.grid(),
  x: (acts) => acts.copy(),
  h: (acts) => acts.holdPlace(),
  s: (acts) => acts.picture(),
  v: (acts) => acts.layers(),
  Escape: (acts) => acts.cancel() || acts.dismiss(),
  Enter: (acts) => acts.close(),
  ArrowLeft: (acts) => acts.pan(-PAN, 0),
  ArrowRight: (acts) => acts.pan(PAN, 0),
  ArrowUp: (acts) => acts.pan(0, -PAN),
  ArrowDown: (acts) => acts.pan(0, PAN),
};

// Pixels a step of a WheelEvent's deltaMode is worth: pixels, lines, pages.
const WHEEL_UNITS = [1, 30, 300];

export function watchHands(frame, acts, signal) {
  const { host } = frame;
  const on = (node, type, run, more = {}) => node.addEventListener(type, run, { signal, ...more });
  // Capturing: Aladin stops its own events from going further.
  const first = (type, run, more = {}) => on(host, type, run, { capture: true, ...more });
  const place = (event) => {
    const box = host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  let down = null;
  const travelled = (at) => Math.hypot(at[0] - down[0], at[1] - down[1]);

  first("pointerdown", (event) => {
    down = event.button === 0 ? place(event) : null;
    acts.hold(down !== null);
  });
  for (const type of ["pointerup", "pointercancel"]) on(window, type, () => acts.hold(false), { capture: true });
  first("pointermove", (event) => {
    const at = place(event);
    if (down && event.buttons && travelled(at) >= CLICK_PX) acts.drag();
    acts.point(at);
  });
  first("pointerup", (event) => {
    const at = place(event);
    const clicked = down && travelled(at) < CLICK_PX && !acts.drawing() && acts.ready();
    down = null;
    if (!clicked) return;
    host.focus({ preventScroll: true });
    acts.click(at);
  });
  on(host, "pointerleave", () => acts.leave());
  first("dblclick", () => acts.drag()); // Aladin centres there
  // Aladin's own wheel glides on for fifty frames and keeps the centre.
  const wheel = (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (!acts.ready()) return;
    const turn = (event.deltaY * WHEEL_UNITS[event.deltaMode] * (event.ctrlKey ? 5 : 1)) / 100;
    acts.zoom(1.2 ** Math.max(-3, Math.min(3, turn)), ...place(event));
  };
  first("wheel", wheel, { passive: false });

  on(host, "keydown", (event) => {
    const run = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!run || event.ctrlKey || event.metaKey || event.altKey || !acts.ready()) return;
    event.preventDefault();
    run(acts);
  });
  on(frame.fit, "click", () => acts.fit());
  on(frame.zoomIn, "click", () => acts.zoom(1 / STEP));
  on(frame.zoomOut, "click", () => acts.zoom(STEP));
  for (const [tool, button] of Object.entries(frame.tools)) on(button, "click", () => acts.tool(tool));
  on(frame.doing, "click", () => acts.offered());
  on(frame.choice, "change", () => acts.survey(frame.choice.value));
}

// The user's hands on the FITS viewer: pointer, wheel, keys and buttons become the acts of fits.js.

const STEP = 1.5; // zoom of one press
const PAN = 0.1; // of the view, for one arrow key
const CLICK_PX = 4; // a pointer that moved less between down and up clicked
const WHEEL_UNITS = [1, 30, 300]; // pixels, lines, pages of a WheelEvent's deltaMode

const KEYS = {
  "+": (acts) => acts.zoom(STEP),
  "=": (acts) => acts.zoom(STEP),
  "-": (acts) => acts.zoom(1 / STEP),
  0: (acts) => acts.fit(),
  1: (acts) => acts.native(),
  x: (acts) => acts.toggle("invert"),
  n: (acts) => acts.toggle("north_up"),
  f: (acts) => acts.toggle("flip"),
  m: (acts) => acts.masks(),
  l: (acts) => acts.lock(),
  s: (acts) => acts.arrange("single"),
  t: (acts) => acts.arrange("grid"),
  c: (acts) => acts.arrange("colour"),
  d: (acts) => acts.arrange("difference"),
  b: (acts) => acts.next(1),
  B: (acts) => acts.next(-1),
  " ": (acts) => acts.hold(),
  Escape: (acts) => acts.lay(),
  ArrowLeft: (acts) => acts.pan(-PAN, 0),
  ArrowRight: (acts) => acts.pan(PAN, 0),
  ArrowUp: (acts) => acts.pan(0, -PAN),
  ArrowDown: (acts) => acts.pan(0, PAN),
};

export function watchHands(frame, acts, signal) {
  const { host } = frame;
  const on = (node, type, run, more = {}) => node.addEventListener(type, run, { signal, ...more });
  const place = (event) => {
    const box = host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const button = (event) => event.target.closest?.("button, .problem");
  let down = null; // where, which button, and whether it is a drag by now

  on(host, "pointerdown", (event) => {
    if (button(event) || ![0, 2].includes(event.button)) return;
    const at = place(event);
    host.focus({ preventScroll: true });
    host.setPointerCapture(event.pointerId);
    const cell = acts.cellAt(at);
    const taken = event.button === 0 && acts.tool("down", cell, at, event);
    down = { first: at, last: at, button: event.button, cell, taken, dragged: false };
  });
  on(host, "pointermove", (event) => {
    const at = place(event);
    const cell = down?.cell ?? acts.cellAt(at);
    acts.point(cell, at);
    if (acts.tool("move", cell, at, event) || !down || down.taken) return;
    const [across, along] = [at[0] - down.last[0], at[1] - down.last[1]];
    down.dragged ||= Math.hypot(at[0] - down.first[0], at[1] - down.first[1]) >= CLICK_PX;
    if (!down.dragged) return;
    down.last = at;
    if (down.button === 2) acts.bend(across, along);
    else acts.drag(across, along, cell);
  });
  on(host, "pointerup", (event) => {
    const was = down;
    down = null;
    const at = place(event);
    if (!was || acts.tool("up", was.cell, at, event) || was.taken) return;
    if (!was.dragged && was.button === 0) acts.click(was.cell, at);
  });
  on(host, "pointercancel", (event) => {
    if (down?.taken) acts.tool("up", down.cell, place(event), event); // or the tool would go on without a button
    down = null;
  });
  on(host, "pointerleave", (event) => {
    acts.tool("leave", null, place(event), event);
    acts.leave();
  });
  on(host, "contextmenu", (event) => event.preventDefault());
  const wheel = (event) => {
    event.preventDefault();
    const at = place(event);
    const turn = (event.deltaY * WHEEL_UNITS[event.deltaMode] * (event.ctrlKey ? 5 : 1)) / 100;
    acts.zoom(1.2 ** -Math.max(-3, Math.min(3, turn)), acts.cellAt(at), at);
  };
  on(host, "wheel", wheel, { passive: false });
  on(host, "dblclick", (event) => {
    const at = place(event);
    if (!button(event) && !acts.tool("double", acts.cellAt(at), at, event)) acts.fit();
  });
  on(host, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || button(event)) return;
    const run = KEYS[event.key];
    if (!run && !acts.key(event.key)) return;
    event.preventDefault();
    run?.(acts);
  });
  on(frame.root, "keydown", (event) => {
    if (event.key !== "Escape" || frame.panel.hidden) return;
    frame.open(false);
    frame.more.focus();
    event.stopPropagation();
  });

  on(frame.fit, "click", () => acts.fit());
  on(frame.native, "click", () => acts.native());
  on(frame.zoomIn, "click", () => acts.zoom(STEP));
  on(frame.zoomOut, "click", () => acts.zoom(1 / STEP));
  on(frame.invert, "click", () => acts.toggle("invert"));
  on(frame.north, "click", () => acts.toggle("north_up"));
  on(frame.lock, "click", () => acts.lock());
  on(frame.mask, "click", () => acts.masks());
  on(frame.more, "click", () => frame.open());
  on(frame.pick, "change", () => acts.choose(frame.pick.value));
  on(frame.stretch, "change", () => acts.set({ stretch: frame.stretch.value }));
  on(frame.cmap, "change", () => acts.set({ cmap: frame.cmap.value }));
  on(frame.cuts, "change", () => acts.cuts(frame.cuts.value));
  for (const [name, node] of Object.entries(frame.arrange)) on(node, "click", () => acts.arrange(name));
}

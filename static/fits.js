// The FITS viewer: images in frames, joined to the parameters of widgets/fits.py.
import { buildFrame, offerImages, showSettings } from "./fits/bar.js";
import { MOST_CELLS } from "./fits/cells.js";
import { watchHands } from "./fits/hands.js";
import { Images } from "./fits/images.js";
import { limitsOf, luptonOf, settingsOf } from "./fits/look.js";
import { Overlay } from "./fits/overlay.js";
import { Painter } from "./fits/painter.js";
import { NOTICE, PlainPainter } from "./fits/plain.js";
import { badMasks, buildPanel, showPanel } from "./fits/panel.js";
import { Readout } from "./fits/readout.js";
import { Scene } from "./fits/scene.js";
import style from "./fits/fits.css";
import { Tiles } from "./fits/tiles.js";
import measures from "./fits/tools/tools.css";
import { addStyle, debounce, gesture, onTheme } from "./parts/kit.js";
import shared from "./parts/viewer.css";

const LEAST_ZOOM = 1 / 256; // CSS pixels a pixel
const MOST_ZOOM = 64;
const SETTLED = 200; // ms without a move after which the view stands still
const BLINK = 700; // ms each image is seen
const OWN = ["stretch", "cuts", "limits"]; // what an image may have for itself
const mounted = new WeakMap();

export function render({ model, view: panelView, el }) {
  mounted.get(panelView)?.();
  const watch = new AbortController();
  const frame = buildFrame();
  const readout = new Readout();
  addStyle(el, shared + style + measures);
  frame.root.insertBefore(readout.root, frame.panel);
  el.append(frame.root);
  let scheduled = 0;
  let blinking = null;
  let pointed = null; // {cell, at}: where the pointer is
  let lastMasks = {};
  let gridTold = false;
  let going = false; // to a target that waits for its image

  const redraw = () => {
    scheduled ||= requestAnimationFrame(draw);
  };
  const images = new Images((image) => {
    update();
    if (going) goToTarget();
    if (image.ready && images.list.every((one) => one.ready || one.state !== "ready")) frame.tell(image.title);
  });
  const tiles = new Tiles(redraw);
  let painter;
  try {
    const offered = Painter.offered(frame.canvas);
    painter = offered ? new Painter(frame.canvas, redraw) : new PlainPainter(frame.canvas, redraw);
    if (!offered) frame.explain(NOTICE);
  } catch (error) {
    frame.say(error.message, true);
    mounted.set(panelView, () => watch.abort());
    return;
  }

  // By the user's hand: Python hears of it through the parameters.
  const set = (settings) => {
    const given = Object.entries(settings);
    const own = model.share === "" ? given.filter(([name]) => OWN.includes(name)) : [];
    const { id } = scene.current ?? {};
    if (own.length && id) model.own = { ...model.own, [id]: { ...settingsOf(model, id), ...Object.fromEntries(own) } };
    for (const [name, value] of given) if (!own.length || !OWN.includes(name)) model[name] = value;
    update();
  };

  const choose = (id) => {
    if (["colour", "difference"].includes(model.arrangement)) model.arrangement = "single";
    if (model.current !== id) {
      model.current = id;
      gesture(model, "framed", { id });
    }
    if (scene.blinking) scene.blinking = id;
    update();
  };

  const next = (step) => {
    const { list } = images;
    if (list.length < 2) return;
    const at = list.indexOf(scene.current) + step;
    choose(list[(at + list.length) % list.length].id);
  };

  const blink = (on) => {
    clearInterval(blinking);
    blinking = null;
    if (!on) {
      if (scene.blinking) model.current = scene.blinking;
      scene.blinking = "";
      return;
    }
    blinking = setInterval(() => {
      const ready = images.list.filter((one) => one.ready);
      if (ready.length < 2) return;
      scene.blinking = ready[(ready.indexOf(scene.current) + 1) % ready.length].id;
      update();
    }, BLINK);
  };

  const acts = {
    set,
    choose,
    next,
    cellAt: (at) => scene.cellAt(...at),
    arrange: (name) => set({ arrangement: name }),
    toggle: (name) => set({ [name]: !model[name] }),
    lock: () => set({ lock: model.lock ? "" : "wcs" }),
    hold: () => model.arrangement === "blink" && blink(!blinking),
    cuts(kind) {
      if (kind === "hand") frame.open(true);
      else set({ cuts: kind, limits: [] });
    },
    masks() {
      if (scene.masked) lastMasks = model.masks;
      set({ masks: scene.masked ? {} : Object.keys(lastMasks).length ? lastMasks : badMasks(images) });
    },
    lupton: (chosen) => set({ lupton: { ...model.lupton, stretch: undefined, q: undefined, ...chosen } }),
    reset() {
      scene.bend = [0.5, 1];
      redraw();
    },
    asked: (what, id) => gesture(model, "asked", { what, id }),
    shut: (id) => gesture(model, "closed", { id }),
    again(image) {
      tiles.retry(image);
      if (image.state === "ready") image.load();
      else gesture(model, "asked", { what: "retry", id: image.id });
      update();
    },
    key(letter) {
      const image = images.list.find((one) => one.band && one.band === letter);
      const tool = overlay.tools.find((one) => one.key === letter);
      if (image) choose(image.id);
      else if (tool) overlay.take(tool.name);
      return Boolean(image || tool);
    },
    lay: () => overlay.held && overlay.take(overlay.held.name),
    tool: (kind, cell, at, event) => {
      if (!cell || !overlay.held) return false;
      const [px, py] = [at[0] - cell.left, at[1] - cell.top];
      const [x, y] = cell.pixelAt(px, py);
      return overlay.pointer(kind, cell, { px, py, x, y }, event);
    },
    click(cell, at) {
      const row = cell ? overlay.rowAt(cell, at[0] - cell.left, at[1] - cell.top) : -1;
      if (row >= 0) gesture(model, "clicked", { row });
      if (cell && cell.mode === "single" && cell.image !== scene.current) choose(cell.image.id);
    },
    point(cell, at) {
      pointed = cell ? { cell, at } : null;
      read();
    },
    leave() {
      pointed = null;
      read();
    },
    drag(across, along, cell) {
      const view = viewOf(cell);
      if (!view) return;
      const [width, height] = [cell.width, cell.height];
      view.centre = view.image(width / 2 - across, height / 2 - along, [width, height]);
      moved(view);
    },
    pan(across, down) {
      const cell = currentCell();
      if (cell) acts.drag(-across * cell.width, -down * cell.height, cell);
    },
    zoom(factor, cell = currentCell(), at = null) {
      const view = viewOf(cell);
      if (!view) return;
      const size = [cell.width, cell.height];
      const [px, py] = at ? [at[0] - cell.left, at[1] - cell.top] : size.map((side) => side / 2);
      const fixed = view.image(px, py, size);
      view.zoom = Math.max(LEAST_ZOOM, Math.min(MOST_ZOOM, view.zoom * factor));
      const now = view.image(px, py, size);
      view.centre = view.centre.map((x, i) => x + fixed[i] - now[i]);
      moved(view);
    },
    native() {
      const cell = currentCell();
      const view = viewOf(cell);
      if (!view) return;
      const ratio = window.devicePixelRatio || 1;
      acts.zoom(cell.place.step / ratio);
      // Pixels of the image on those of the screen, not between them.
      const onto = (centre, offset) => Math.round(centre - offset) + offset;
      const [across, along] = [cell.width, cell.height].map((side) => (Math.round(side * ratio) / 2) % 1);
      view.centre = [onto(view.centre[0], across - 0.5), onto(view.centre[1], 0.5 - along)];
      redraw();
    },
    fit() {
      for (const cell of scene.cells) if (cell.image.ready) scene.viewOf(cell.image).whole = true;
      moved(null);
    },
    bend(across, along) {
      const [bias, contrast] = scene.bend;
      const { clientWidth: width, clientHeight: height } = frame.host;
      scene.bend = [
        Math.max(0, Math.min(1, bias + across / width)),
        Math.max(0.1, Math.min(10, contrast * 10 ** (along / height))),
      ];
      redraw();
    },
  };

  const overlay = new Overlay({
    root: frame.root,
    host: frame.host,
    model,
    signal: watch.signal,
    cells: () => scene.cells,
    current: () => scene.current,
    images: () => images.list,
    ask: (image, what, more) => image.answer(what, more),
    panel: (name, title) => frame.section(name, title),
    openPanel: () => frame.open(true),
    say: (text) => frame.note(text),
    gesture: (name, fields) => gesture(model, name, fields),
    redraw,
    set: (settings) => acts.set(settings),
    paint: () => scene.draw(),
    lay: () => acts.lay(),
    held: (name) => frame.hold(name),
  });
  const scene = new Scene({ host: frame.host, images, tiles, painter, model, acts });
  const panel = buildPanel(frame, acts);
  const currentCell = () => scene.cells.find((cell) => cell.images.includes(scene.current)) ?? scene.cells[0];
  const viewOf = (cell) => (cell?.image.ready ? scene.viewOf(cell.image) : null);

  const tellMoved = debounce(() => {
    const cell = currentCell();
    if (!cell?.image.ready || !cell.image.lattice) return;
    const at = cell.pixelAt(cell.width / 2, cell.height / 2);
    const [ra, dec] = cell.sky(...at);
    const fov = (cell.place.step * cell.image.lattice.scale * cell.width) / 3600;
    if (Number.isFinite(ra + dec + fov)) gesture(model, "moved", { ra, dec, fov });
  }, SETTLED);

  const moved = (view) => {
    if (view) view.whole = false;
    tellMoved();
    redraw();
    read();
  };

  const goToTarget = () => {
    going = Boolean(model.target);
    const lead = model.lock ? scene.leader : scene.current;
    const cell = currentCell();
    if (!going || !cell || !lead?.ready || !lead.lattice) return;
    going = false;
    const [ra, dec, fov] = model.target;
    const at = lead.lattice.pixel(ra, dec);
    if (!at) return;
    const view = scene.viewOf(lead);
    view.centre = at;
    if (fov > 0) view.zoom = (cell.width * lead.lattice.scale) / 3600 / fov;
    view.whole = false;
    redraw();
  };

  const read = () => {
    const cell = pointed?.cell ?? currentCell();
    if (!cell?.image.ready || !scene.cells.includes(cell)) {
      readout.clear();
      return;
    }
    const at = pointed ? cell.pixelAt(pointed.at[0] - cell.left, pointed.at[1] - cell.top) : model.position && cell.pixel(...model.position);
    if (!at) {
      readout.clear();
      return;
    }
    const shown = cell.images.filter((one) => one.ready);
    const places = shown.map((one) => (one === cell.image ? at : samePlace(cell, one, at)));
    readout.show(shown, places, (image, x, y) => scene.valueAt(image, x, y));
  };

  // Where a second image of a cell shows what its first one shows at a pixel.
  const samePlace = (cell, image, at) => {
    if (model.lock !== "wcs" || !image.lattice || !cell.image.lattice) return at;
    return image.lattice.pixel(...cell.image.lattice.sky(...at)) ?? [NaN, NaN];
  };

  const say = () => frame.say(model.message, model.failed);

  function draw() {
    scheduled = 0;
    if (watch.signal.aborted || painter.lost) return;
    scene.draw();
    for (const cell of scene.cells) overlay.draw(cell, model.position);
    const waiting = model.busy || tiles.waiting || painter.waiting || images.list.some((one) => one.state === "ready" && !one.ready && !one.problem);
    frame.root.classList.toggle("tv-busy", Boolean(waiting));
    if (!pointed && !readout.timer) read();
  }

  // After a change of settings or images.
  const update = () => {
    const three = images.colours(model.colours);
    const { current } = scene;
    scene.arrange();
    offerImages(frame, images, three, { arrangement: model.arrangement, current: current?.id }, acts);
    const mode = scene.cells[0]?.mode ?? "single";
    const settings = settingsOf(model, current?.id);
    showSettings(frame, model, settings, { images: images.list.length, planes: images.planes.length, mode });
    const limits = current?.ready ? limitsOf(model, current, current) : null;
    const colour = mode === "colour" && scene.cells[0].images.every((one) => one.ready) ? luptonOf(model, scene.cells[0].images, tiles) : null;
    showPanel(frame, panel, acts, { images, current, three, limits, lupton: colour?.lupton, model });
    overlay.shown();
    tellGrid();
    redraw();
    read();
  };

  // Images that are not in the grid are not passed over in silence.
  const tellGrid = () => {
    const count = images.list.length;
    const many = model.arrangement === "grid" && count > MOST_CELLS;
    const first = scene.firstOfGrid;
    const last = Math.min(count, first + MOST_CELLS);
    if (many) frame.note(`Images ${first + 1} to ${last} of ${count}; B and the list lead to the others.`);
    else if (gridTold) frame.note("");
    gridTold = many;
  };

  const load = () => {
    const before = new Set(images.list);
    images.tell(model.frames, model.url);
    if (!images.list.some((one) => before.has(one))) {
      scene.shared.whole = true; // other images altogether
      scene.bend = [0.5, 1];
    }
    tiles.only(images.list);
    update();
    frame.fold(); // there may be more buttons than before
  };

  const resize = new ResizeObserver(() => {
    frame.fold();
    redraw();
  });
  resize.observe(frame.host);
  resize.observe(frame.root);

  const close = () => {
    watch.abort();
    cancelAnimationFrame(scheduled);
    clearInterval(blinking);
    tellMoved.cancel();
    readout.clear();
    overlay.take("");
    images.close();
    tiles.close();
    painter.close();
    resize.disconnect();
    stopTheme();
    mounted.delete(panelView);
  };
  const stopTheme = onTheme(redraw);
  mounted.set(panelView, close);
  frame.offerTools(overlay.tools, (name) => overlay.take(name));
  frame.root.fits = { scene, images, tiles, painter, overlay, readout, acts, draw }; // for tests and the console
  watchHands(frame, acts, watch.signal);
  say();
  load();
  goToTarget();
  blink(model.arrangement === "blink");
  model.on(["url", "frames"], load);
  model.on("arrangement", () => blink(model.arrangement === "blink"));
  model.on(["current", "arrangement", "stretch", "cuts", "limits", "share", "own", "cmap", "invert"], update);
  model.on(["masks", "colours", "lupton", "pair", "position", "overlay", "rows_url", "busy"], update);
  model.on(["north_up", "flip"], () => {
    scene.orient();
    update();
  });
  model.on("lock", () => {
    scene.lock(model.lock);
    update();
  });
  model.on(["target", "msg:custom"], goToTarget);
  model.on(["message", "failed"], say);
  model.on("remove", close);
}

// The cutout viewer: one object in its bands, joined to the parameters of widgets/image.py.
import { buildFrame, drawMarks, offerBands, showReadout } from "./image/frame.js";
import { watchHands } from "./image/hands.js";
import style from "./image/image.css";
import { Pixels } from "./image/pixels.js";
import { cssColour } from "./parts/colour.js";
import { addStyle, onTheme } from "./parts/kit.js";
import shared from "./parts/viewer.css";

const LEAST_ZOOM = 0.1; // CSS pixels a pixel
const MOST_ZOOM = 64;
const mounted = new WeakMap();

export function render({ model, view: panelView, el }) {
  mounted.get(panelView)?.();
  const watch = new AbortController();
  const frame = buildFrame();
  addStyle(el, shared + style);
  el.append(frame.root);
  const sheet = document.createElement("canvas"); // the image itself, one pixel a pixel
  let request = new AbortController();
  let pixels = null;
  let problem = "";

  // How image pixels lie on the screen: which image place is in the middle; `whole` while all of it is shown.
  const view = {
    whole: true,
    centre: [0, 0],
    zoom: 1,
    width: 1,
    height: 1,
    screen: (x, y) => [
      view.width / 2 + (x - view.centre[0]) * view.zoom,
      view.height / 2 - (y - view.centre[1]) * view.zoom,
    ],
    image: (px, py) => [
      view.centre[0] + (px - view.width / 2) / view.zoom,
      view.centre[1] - (py - view.height / 2) / view.zoom,
    ],
  };

  const say = () => frame.say(problem || model.message, Boolean(problem) || model.failed);

  const band = () => {
    const wanted = model.band || pixels.colourName;
    const place = pixels.bands.indexOf(wanted);
    if (place >= 0) return place;
    return pixels.colourBands && (!model.band || model.band === pixels.colourName) ? -1 : 0;
  };

  const places = () => (band() < 0 ? pixels.colourBands.toReversed() : [band()]);

  const fitZoom = () => Math.min(view.width / pixels.nx, Math.max(40, view.height - 26) / pixels.ny);

  const draw = () => {
    const { canvas, host } = frame;
    const ratio = window.devicePixelRatio || 1;
    if (host.clientWidth < 2 || host.clientHeight < 2) return;
    [view.width, view.height] = [host.clientWidth, host.clientHeight];
    canvas.width = Math.round(view.width * ratio);
    canvas.height = Math.round(view.height * ratio);
    if (!pixels) return;
    if (view.whole) {
      view.zoom = fitZoom();
      view.centre = [(pixels.nx - 1) / 2, (pixels.ny - 1) / 2];
    }
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = view.zoom * ratio < 1;
    const [left, top] = view.screen(-0.5, pixels.ny - 0.5);
    const size = [pixels.nx * view.zoom, pixels.ny * view.zoom];
    context.drawImage(sheet, ...[left, top, ...size].map((x) => x * ratio));
    drawMarks(frame, pixels, view);
  };

  const paint = () => {
    if (!pixels) return;
    const chosen = band();
    const settings = {
      band: chosen,
      stretch: model.stretch,
      invert: model.invert,
      masked: frame.mask.getAttribute("aria-pressed") === "true" && pixels.masks !== null,
    };
    const context = sheet.getContext("2d");
    const image = context.createImageData(pixels.nx, pixels.ny);
    pixels.paint(image, settings, cssColour(frame.root, "var(--tv-image-bad, #ff2d95)"));
    context.putImageData(image, 0, 0);
    const name = chosen < 0 ? pixels.colourName : pixels.bands[chosen];
    for (const node of frame.bands.children) node.setAttribute("aria-pressed", String(node.dataset.band === name));
    frame.stretch.value = model.stretch;
    frame.stretch.disabled = chosen < 0;
    frame.invert.disabled = chosen < 0;
    frame.invert.setAttribute("aria-pressed", String(model.invert));
    frame.mask.disabled = pixels.masks === null;
    draw();
    showReadout(frame, pixels, places(), ...pixels.header.target);
    frame.tell(`${pixels.header.title}, ${name}`);
  };

  const clear = () => {
    pixels = null;
    frame.title.textContent = "";
    frame.value.textContent = "";
    frame.place.textContent = "";
    frame.bands.replaceChildren();
    frame.cross.setAttribute("visibility", "hidden");
    frame.compass.replaceChildren();
    frame.scale.replaceChildren();
    draw();
  };

  const busy = (now) => frame.root.classList.toggle("tv-busy", now);

  const load = async () => {
    request.abort();
    request = new AbortController();
    const { signal } = request;
    problem = "";
    say();
    if (!model.url) {
      clear();
      busy(model.busy);
      return;
    }
    busy(true);
    try {
      const answer = await fetch(model.url, { signal });
      if (!answer.ok) throw new Error((await answer.text()).slice(0, 300) || `status ${answer.status}`);
      const found = new Pixels(await answer.arrayBuffer());
      if (signal.aborted) return;
      pixels = found;
      [sheet.width, sheet.height] = [pixels.nx, pixels.ny];
      view.whole = true;
      frame.title.textContent = pixels.header.title;
      offerBands(frame, pixels, (name) => {
        model.band = name;
      });
      paint();
    } catch (error) {
      if (signal.aborted) return;
      clear();
      problem = `The image could not be shown: ${error.message}`;
      say();
    } finally {
      if (!signal.aborted) busy(model.busy);
    }
  };

  const zoomAt = (factor, px = view.width / 2, py = view.height / 2) => {
    if (!pixels) return;
    const fixed = view.image(px, py);
    view.zoom = Math.max(LEAST_ZOOM, Math.min(MOST_ZOOM, view.zoom * factor));
    const now = view.image(px, py);
    view.centre = view.centre.map((x, i) => x + fixed[i] - now[i]);
    view.whole = false;
    draw();
  };

  const shift = (across, up) => {
    if (!pixels) return;
    view.centre = [view.centre[0] + across / view.zoom, view.centre[1] + up / view.zoom];
    view.whole = false;
    draw();
  };

  const fit = () => {
    view.whole = true;
    draw();
  };

  const toggleMask = () => {
    const on = frame.mask.getAttribute("aria-pressed") === "true";
    frame.mask.setAttribute("aria-pressed", String(!on));
    paint();
  };

  const acts = {
    ready: () => pixels !== null,
    view,
    point: (x, y) => showReadout(frame, pixels, places(), x, y),
    leave: () => showReadout(frame, pixels, places(), ...pixels.header.target),
    zoom: zoomAt,
    shift,
    fit,
    toggleMask,
    invert: () => (model.invert = !model.invert),
    stretch: (name) => (model.stretch = name),
    band: (name) => pixels.bands.includes(name) && (model.band = name),
  };

  const resize = new ResizeObserver(draw);
  resize.observe(frame.host);

  const close = () => {
    watch.abort();
    request.abort();
    resize.disconnect();
    stopTheme();
    mounted.delete(panelView);
  };
  const stopTheme = onTheme(paint);
  mounted.set(panelView, close);
  frame.root.image = { view, sheet, pixels: () => pixels }; // for tests and the console
  watchHands(frame, acts, watch.signal);
  load();
  model.on("url", load);
  model.on(["band", "stretch", "invert"], paint);
  model.on(["message", "failed"], say);
  model.on("busy", () => busy(model.busy));
  model.on("remove", close);
}

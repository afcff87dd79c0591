// The footprints of a result's rows on the sky: fetched, coloured by band, named under the pointer, picked by a click.
import { cssColour, legible } from "../parts/colour.js";
import { element, gesture, onTheme } from "../parts/kit.js";
import { svgElement } from "../parts/viewer.js";
import { Label } from "./label.js";
import { LineLayer, NO_OUTLINES, PAINTS, readOutlines } from "./lines.js";

const NAMED_MS = 120; // the pointer has rested so long on an outline: ask what it is

// One of the parts of sky.js; `sky` is what sky.js hands to each of them.
export function joinOutlines(sky) {
  const { model, frame, stage, marks, signal } = sky;
  const layer = stage.keep("lines", () => new LineLayer());
  stage.sky.after(layer.canvas); // below the marks of rows
  const hovered = svgElement("path", { class: "outline hovered" });
  const current = svgElement("path", { class: "outline here" });
  marks.svg.prepend(current, hovered);
  const label = new Label(frame.host);
  let request = new AbortController();
  let url = "";
  let [held, marked] = ["", ""]; // which outlines and marks the layer has; what was only asked for may never come
  let under = []; // numbers of the outlines under the pointer
  let turn = 0; // which of them the next click takes
  let last = null;
  let timer = null;

  const controls = buildControls(frame.section("footprints", "Footprints"));
  const section = controls.body.closest(".section");
  section.open = false;

  const showRow = (path, row) => path.setAttribute("d", row >= 0 && stage.view ? layer.path(stage.view, row) : "");
  const redraw = () => stage.view && part.draw(stage.view);

  const part = {
    draw(view) {
      layer.draw(view);
      showRow(current, layer.shown ? (model.current_row ?? -1) : -1);
      showRow(hovered, layer.shown ? (model.hovered_row ?? -1) : -1);
    },
    settled: (view) => layer.draw(view),
    hover(x, y) {
      const found = stage.settled && layer.outlines.count ? layer.pick(stage.view, x, y) : [];
      const before = under[0];
      under = found;
      last = [x, y];
      if (found[0] === before) {
        return found.length > 0;
      }
      turn = 0;
      clearTimeout(timer);
      label.hide();
      const row = found.length ? layer.outlines.row[found[0]] : -1;
      showRow(hovered, row);
      timer = setTimeout(() => name(row), NAMED_MS);
      return found.length > 0;
    },
    click(x, y) {
      if (!stage.view || !layer.outlines.count) return false;
      const found = layer.pick(stage.view, x, y);
      if (!found.length) return false;
      // Where many lie on each other, clicks at one place go from one to the next.
      const again = last && Math.hypot(x - last[0], y - last[1]) < 3 && found.join() === under.join();
      turn = again ? turn : 0;
      [under, last] = [found, [x, y]];
      gesture(model, "clicked", { row: layer.outlines.row[found[turn++ % found.length]] });
      return true;
    },
    leave() {
      clearTimeout(timer);
      label.hide();
      if (under.length) gesture(model, "hovered", { row: -1 });
      under = [];
      showRow(hovered, model.hovered_row ?? -1);
    },
    bounds: () => (layer.shown ? layer.bounds() : null),
    close() {
      request.abort();
      clearTimeout(timer);
      label.close();
      hovered.remove();
      current.remove();
      layer.load(NO_OUTLINES);
    },
  };

  // What the outline under the pointer is, in words, and its row made known to the other views.
  const name = async (row) => {
    gesture(model, "hovered", { row });
    if (row < 0 || !url) return;
    try {
      const answer = await fetch(`${url}&ask=row&row=${row}`, { signal: request.signal });
      const words = answer.ok ? await answer.json() : [];
      if (!under.length || layer.outlines.row[under[0]] !== row) return;
      const more = under.length > 1 ? [["more here", (under.length - 1).toLocaleString("en")]] : [];
      label.tell([...words, ...more], ...last);
    } catch {
      label.hide(); // the page goes on to other rows
    }
  };

  const paint = () => {
    const one = legible(cssColour(frame.root, "var(--tv-sky-outline, #6fb7ff)"));
    const bands = model.outlines.bands ?? [];
    // The sky is dark in either theme.
    layer.colours = Array.from({ length: PAINTS }, (_, k) =>
      controls.byBand() && bands[k] ? legible(cssColour(frame.root, bands[k].colour)) : one,
    );
    layer.chosenColour = legible(cssColour(frame.root, "var(--tv-sky-selected, #ff9f2e)"));
    controls.legend(controls.byBand() ? bands : [], layer.colours);
    redraw();
  };

  const load = async () => {
    const told = model.outlines;
    section.hidden = !told.url && !told.note;
    controls.say(told.note ?? "", Boolean(told.wrong));
    controls.offer(told.bands ?? []);
    url = told.url ?? "";
    const [lines, marks] = [`${url} ${told.version}`, `${url} ${told.marking}`];
    const fresh = lines !== held;
    request.abort();
    if (!fresh && marks === marked) return paint();
    request = new AbortController();
    const { signal: now } = request;
    const get = async (what, v) => {
      const answer = await fetch(`${url}&ask=${what}&v=${v}`, { signal: now });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      return answer.arrayBuffer();
    };
    try {
      if (fresh) layer.load(url ? readOutlines(await get("outlines", told.version)) : NO_OUTLINES);
      held = lines;
      layer.mark(new Set(url ? new Uint32Array(await get("marks", told.marking)) : []));
      marked = marks;
      sky.fail("outlines", "");
      if (fresh) sky.loaded();
    } catch (error) {
      if (!now.aborted) sky.fail("outlines", `The footprints could not be loaded (${error.message}).`);
    }
    if (!now.aborted) paint();
  };

  controls.on(() => {
    layer.shown = controls.shown();
    layer.opacity = controls.opacity();
    paint();
  }, signal);
  signal.addEventListener("abort", onTheme(paint));
  load();
  model.on("outlines", load);
  model.on(["current_row", "hovered_row"], redraw);
  return part;
}

// The section of the panel: shown or not, coloured by what, how strong, and which colour is which band.
function buildControls(body) {
  const shown = element("input", { type: "checkbox", checked: true });
  const colour = element("select", { "aria-label": "Colour of footprints" });
  const opacity = element("input", { type: "range", min: 10, max: 100, value: 80, "aria-label": "Opacity of footprints" });
  const legend = element("div", { class: "bands" });
  const note = element("div", { class: "muted note", role: "status" });
  const colouring = element("label", {}, "Colour", colour);
  const line = element("div", { class: "line" }, element("label", {}, shown, "Show"), colouring, opacity);
  body.replaceChildren(line, legend, note);
  return {
    body,
    shown: () => shown.checked,
    opacity: () => opacity.value / 100,
    byBand: () => colour.value === "band",
    offer(bands) {
      const wanted = bands.length > 1 || colour.value === "" ? "band" : colour.value;
      const names = [["one", "one for all"], ...(bands.length ? [["band", "by band"]] : [])];
      if (colour.options.length === names.length) return;
      colour.replaceChildren(...names.map(([value, text]) => element("option", { value }, text)));
      colour.value = names.some(([value]) => value === wanted) ? wanted : "one";
      colouring.hidden = names.length < 2;
    },
    legend(bands, colours) {
      legend.replaceChildren(
        ...bands.map(({ name, count }, k) => {
          const swatch = element("i", { class: "stroke" });
          swatch.style.background = `rgb(${colours[k].map((x) => Math.round(255 * x)).join(" ")})`;
          return element("span", {}, swatch, `${name} ${count.toLocaleString("en")}`);
        }),
      );
    },
    say(text, wrong) {
      note.textContent = text;
      note.hidden = !text;
      note.classList.toggle("tv-error", wrong);
    },
    on(run, signal) {
      for (const node of [shown, colour]) node.addEventListener("change", run, { signal });
      opacity.addEventListener("input", run, { signal });
    },
  };
}

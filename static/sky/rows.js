// The rows of a result on the sky: their positions fetched, coloured, counted and picked. Knows no survey.
import { cssColour, legible } from "../parts/colour.js";
import { gesture, onTheme } from "../parts/kit.js";
import { NO_POINTS, PointLayer, readPoints } from "./points.js";

// One of the parts of sky.js; `sky` is what sky.js hands to each of them.
export function joinPoints(sky) {
  const { model, frame, stage, signal } = sky;
  const layer = stage.keep("layer", () => new PointLayer());
  let request = new AbortController();
  let pointsUrl = null;

  const part = {
    draw: (view) => layer.draw(view),
    settled: (view) => {
      layer.countIn(view);
      layer.draw(view);
    },
    hover: () => false,
    click(x, y) {
      const row = layer.pick(stage.view, x, y);
      if (row >= 0) gesture(model, "clicked", { row });
      return row >= 0;
    },
    bounds: () => layer.bounds(), // the circle around all, which `0` shows
    count: () => ({ all: layer.points.count, inView: layer.inView }),
    close() {
      request.abort();
      layer.load(NO_POINTS);
    },
  };

  const show = (buffer) => {
    layer.load(readPoints(buffer));
    if (stage.view) part.settled(stage.view);
    sky.loaded();
  };

  const load = async () => {
    request.abort();
    request = new AbortController();
    const { signal: now } = request;
    if (model.points_url !== pointsUrl) {
      pointsUrl = model.points_url;
      sky.fresh();
    }
    if (!pointsUrl) {
      show(new ArrayBuffer(8));
      sky.fail("points", "");
      frame.root.classList.remove("tv-busy");
      return;
    }
    frame.root.classList.add("tv-busy");
    try {
      const join = pointsUrl.includes("?") ? "&" : "?";
      const answer = await fetch(`${pointsUrl}${join}v=${model.version}`, { signal: now });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const buffer = await answer.arrayBuffer();
      if (now.aborted) return;
      show(buffer);
      sky.fail("points", "");
    } catch (error) {
      if (!now.aborted) sky.fail("points", `The positions of the rows could not be loaded (${error.message}).`);
    } finally {
      if (!now.aborted) frame.root.classList.remove("tv-busy");
    }
  };

  const paint = () => {
    const wanted = model.colour || "var(--tv-sky-point, var(--tv-accent, #58a6ff))";
    layer.colours = {
      point: legible(cssColour(frame.root, wanted)),
      selected: legible(cssColour(frame.root, "var(--tv-sky-selected, #ff9f2e)")),
    };
    if (stage.view) layer.draw(stage.view);
  };

  signal.addEventListener("abort", onTheme(paint));
  paint();
  load();
  model.on(["points_url", "version"], load);
  model.on("colour", paint);
  return part;
}

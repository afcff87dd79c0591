// The sky view: Aladin Lite with our own catalogue layer, joined to the parameters of widgets/sky.py.
import { addStyle, gesture, onTheme } from "./parts/kit.js";
import { buildFrame, describe, showReadout } from "./sky/frame.js";
import { watchHands } from "./sky/hands.js";
import { Marks } from "./sky/marks.js";
import { readPoints } from "./sky/points.js";
import { pixelOf, readView } from "./sky/projection.js";
import { borrowStage } from "./sky/stage.js";
import { cssColour, legible } from "./parts/colour.js";
import style from "./sky/sky.css";
import shared from "./parts/viewer.css";

const FIT_MARGIN = 1.15;
const LEAST_FIT = 1 / 60; // degrees: one row alone is shown with its surroundings
const mounted = new WeakMap();

export function render({ model, view, el }) {
  mounted.get(view)?.();
  const watch = new AbortController();
  const frame = buildFrame();
  const marks = new Marks();
  addStyle(el, shared + style);
  el.append(frame.root);
  frame.host.append(marks.svg);
  let stage = null;
  let request = new AbortController();
  let fitting = model.target === null || model.target === undefined;
  let fittedTo = [0, 0];
  let pointsUrl = null;
  const problems = { start: "", survey: "", points: "" };

  const worldAt = (x, y) => {
    try {
      const [ra, dec] = stage.aladin.pix2world(x, y);
      return Number.isFinite(ra) && Number.isFinite(dec) ? [ra, dec] : null;
    } catch {
      return null; // beside the sky
    }
  };

  const say = () => {
    const wrong = Object.values(problems).filter(Boolean).join(" ");
    frame.say(wrong || model.message, Boolean(wrong));
    frame.note(model.notice);
  };

  const fail = (what, text) => {
    problems[what] = text;
    say();
  };

  const fit = () => {
    const circle = stage?.layer.bounds();
    if (!circle) return false;
    const { clientWidth: width, clientHeight: height } = frame.host;
    if (width < 2 || height < 2) return false; // hidden: onView comes when it is not
    fittedTo = [width, height];
    const across = 2 * circle.radius * FIT_MARGIN * (width / Math.min(width, height));
    stage.go(circle.ra, circle.dec, Math.min(360, Math.max(LEAST_FIT, across)));
    return true;
  };

  const loadPoints = async () => {
    request.abort();
    request = new AbortController();
    const { signal } = request;
    if (model.points_url !== pointsUrl) {
      pointsUrl = model.points_url;
      fitting = model.target === null || model.target === undefined;
    }
    const show = (buffer) => {
      stage.layer.load(readPoints(buffer));
      if (stage.view) stage.layer.countIn(stage.view);
      stage.redraw();
      frame.fit.disabled = stage.layer.points.count === 0;
      if (fitting) fit();
      if (stage.view) describe(frame, stage);
    };
    if (!pointsUrl) {
      show(new ArrayBuffer(8));
      fail("points", "");
      frame.root.classList.remove("tv-busy");
      return;
    }
    frame.root.classList.add("tv-busy");
    try {
      const join = pointsUrl.includes("?") ? "&" : "?";
      const answer = await fetch(`${pointsUrl}${join}v=${model.version}`, { signal });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const buffer = await answer.arrayBuffer();
      if (signal.aborted) return;
      show(buffer);
      fail("points", "");
    } catch (error) {
      if (!signal.aborted) fail("points", `The positions of the rows could not be loaded (${error.message}).`);
    } finally {
      if (!signal.aborted) frame.root.classList.remove("tv-busy");
    }
  };

  const goToTarget = () => {
    if (!model.target) return;
    fitting = false;
    stage.go(...model.target);
  };

  const showCurrent = (change) => {
    marks.current = model.current ?? null;
    if (stage.view) marks.draw(stage.view);
    if (!change || !marks.current || !stage.view) return;
    const { width, height } = stage.view;
    const at = pixelOf(stage.view, ...marks.current);
    const inside = at && at[0] > 8 && at[1] > 8 && at[0] < width - 8 && at[1] < height - 8;
    if (!inside) {
      fitting = false;
      stage.go(...marks.current);
    }
  };

  const paint = () => {
    const wanted = model.colour || "var(--tv-sky-point, var(--tv-accent, #58a6ff))";
    stage.layer.colours = {
      point: legible(cssColour(frame.root, wanted)),
      selected: legible(cssColour(frame.root, "var(--tv-sky-selected, #ff9f2e)")),
    };
    stage.redraw();
  };

  const showSurvey = async () => {
    const { survey } = model;
    frame.offer(model.surveys, survey);
    if (!survey || survey === stage.survey) return;
    try {
      const answer = await fetch(`${survey.replace(/\/$/, "")}/properties`, { signal: watch.signal });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      if (survey !== model.survey) return;
      stage.setSurvey(survey);
      fail("survey", "");
    } catch (error) {
      if (!watch.signal.aborted) fail("survey", `The survey ${survey} could not be opened (${error.message}).`);
    }
  };

  const byHand = () => {
    fitting = false;
    stage.touched();
  };

  // Zooms and keeps the sky under the pixel (x, y) in its place; without one, the centre.
  const zoom = (factor, x, y) => {
    const held = x === undefined ? null : worldAt(x, y);
    fitting = false;
    stage.step(stage.wanted.ra, stage.wanted.dec, stage.wanted.fov * factor);
    if (!held) return;
    const now = readView(stage.aladin);
    const at = pixelOf(now, ...held);
    const to = at && worldAt(now.width / 2 + at[0] - x, now.height / 2 + at[1] - y);
    if (to) stage.step(...to, stage.wanted.fov);
  };

  const useTool = (tool) => {
    if (marks.tool === tool) {
      marks.cancel();
      return;
    }
    const done = (kind, coords, mode) => gesture(model, "boxed", { kind, coords, mode });
    marks.begin(tool, worldAt, done, () => frame.press(""));
    frame.press(tool);
  };

  const pan = (across, down) => {
    const { width, height } = stage.view;
    const to = worldAt(width * (0.5 + across), height * (0.5 + down));
    if (!to) return;
    fitting = false;
    stage.step(...to, stage.wanted.fov);
  };

  const acts = {
    ready: () => Boolean(stage.view),
    drawing: () => Boolean(marks.tool),
    point: (at) => showReadout(frame, worldAt(...at), stage.view?.fov),
    leave: () => describe(frame, stage),
    hold: (held) => (stage.held = held),
    drag: byHand,
    click: (at) => {
      const row = stage.layer.pick(stage.view, ...at);
      if (row >= 0) gesture(model, "clicked", { row });
    },
    zoom,
    pan,
    fit: () => fit() && stage.touched(),
    tool: useTool,
    cancel: () => marks.cancel(),
    close: () => marks.close(),
    survey: (url) => (model.survey = url),
  };

  const open = async () => {
    say();
    model.on(["message", "notice"], say);
    frame.root.classList.add("tv-busy");
    try {
      const borrowed = await borrowStage(frame.host);
      if (watch.signal.aborted) {
        borrowed.giveBack();
        return;
      }
      stage = borrowed;
    } catch (error) {
      fail("start", error.message);
      return;
    } finally {
      frame.root.classList.remove("tv-busy");
    }
    frame.host.append(marks.svg);
    frame.root.sky = { stage, marks, worldAt, pixelOf }; // for tests and the console
    const onView = (now) => {
      marks.draw(now);
      describe(frame, stage);
      const resized = Math.abs(now.width - fittedTo[0]) > 1 || Math.abs(now.height - fittedTo[1]) > 1;
      if (fitting && resized) fit();
    };
    stage.start(onView, (now, byUser) => {
      describe(frame, stage, true);
      const [ra, dec] = stage.aladin.getRaDec();
      if (byUser) gesture(model, "moved", { ra, dec, fov: now.fov });
    });
    watch.signal.addEventListener("abort", onTheme(paint));
    watchHands(frame, acts, watch.signal);
    paint();
    showSurvey();
    goToTarget();
    showCurrent(false);
    loadPoints();
    model.on(["points_url", "version"], loadPoints);
    model.on("target", goToTarget);
    model.on("msg:custom", goToTarget);
    model.on("current", () => showCurrent(true));
    model.on(["survey", "surveys"], showSurvey);
    model.on("colour", paint);
  };

  const close = () => {
    watch.abort();
    request.abort();
    marks.cancel();
    stage?.giveBack();
    stage = null;
    mounted.delete(view);
  };
  mounted.set(view, close);
  model.on("remove", close);
  open();
}

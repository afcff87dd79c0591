// The sky view: Aladin Lite with our own catalogue layer, joined to the parameters of widgets/sky.py.
import { addStyle, gesture, onTheme } from "./parts/kit.js";
import { buildFrame, describe, showReadout } from "./sky/frame.js";
import { Marks } from "./sky/marks.js";
import { readPoints } from "./sky/points.js";
import { pixelOf } from "./sky/projection.js";
import { borrowStage } from "./sky/stage.js";
import { cssColour, legible } from "./parts/colour.js";
import style from "./sky/sky.css";
import shared from "./parts/viewer.css";

const CLICK_PX = 4; // a pointer that moved less between down and up clicked
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

  const zoom = (factor) => {
    fitting = false;
    stage.step(stage.wanted.ra, stage.wanted.dec, stage.wanted.fov * factor);
  };

  const useTool = (tool) => {
    if (marks.tool === tool) {
      marks.cancel();
      return;
    }
    const done = (kind, coords) => gesture(model, "boxed", { kind, coords });
    marks.begin(tool, worldAt, done, () => frame.press(""));
    frame.press(tool);
  };

  const keys = {
    "+": () => zoom(1 / 1.5),
    "=": () => zoom(1 / 1.5),
    "-": () => zoom(1.5),
    0: () => fit() && stage.touched(),
    r: () => useTool("rectangle"),
    c: () => useTool("circle"),
    p: () => useTool("polygon"),
    Escape: () => marks.cancel(),
    Enter: () => marks.close(),
    ArrowLeft: () => pan(-0.1, 0),
    ArrowRight: () => pan(0.1, 0),
    ArrowUp: () => pan(0, -0.1),
    ArrowDown: () => pan(0, 0.1),
  };

  const pan = (across, down) => {
    const { width, height } = stage.view;
    const to = worldAt(width * (0.5 + across), height * (0.5 + down));
    if (!to) return;
    fitting = false;
    stage.step(...to, stage.wanted.fov);
  };

  const listen = () => {
    const on = (node, type, run, more = {}) => node.addEventListener(type, run, { signal: watch.signal, ...more });
    const place = (event) => {
      const box = frame.host.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    let down = null;
    // Capturing: Aladin stops its own events from going further.
    on(frame.host, "pointerdown", (event) => (down = event.button === 0 ? place(event) : null), { capture: true });
    on(
      frame.host,
      "pointermove",
      (event) => {
        const at = place(event);
        if (down && event.buttons && Math.hypot(at[0] - down[0], at[1] - down[1]) >= CLICK_PX) byHand();
        showReadout(frame, worldAt(...at), stage.view?.fov);
      },
      { capture: true },
    );
    on(
      frame.host,
      "pointerup",
      (event) => {
        const from = down;
        down = null;
        if (!from || marks.tool || !stage.view) return;
        const at = place(event);
        if (Math.hypot(at[0] - from[0], at[1] - from[1]) >= CLICK_PX) return;
        frame.host.focus({ preventScroll: true });
        const row = stage.layer.pick(stage.view, ...at);
        if (row >= 0) gesture(model, "clicked", { row });
      },
      { capture: true },
    );
    on(frame.host, "pointerleave", () => describe(frame, stage));
    on(frame.host, "wheel", byHand, { capture: true, passive: true });
    on(frame.host, "dblclick", byHand, { capture: true });
    on(frame.host, "keydown", (event) => {
      const run = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!run || event.ctrlKey || event.metaKey || event.altKey || !stage.view) return;
      event.preventDefault();
      run();
    });
    on(frame.fit, "click", () => {
      if (fit()) stage.touched();
    });
    on(frame.zoomIn, "click", () => zoom(1 / 1.5));
    on(frame.zoomOut, "click", () => zoom(1.5));
    for (const [tool, button] of Object.entries(frame.tools)) on(button, "click", () => useTool(tool));
    on(frame.choice, "change", () => {
      model.survey = frame.choice.value;
    });
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
    listen();
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

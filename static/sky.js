// The sky view: Aladin Lite with our own catalogue layer, joined to the parameters of widgets/sky.py.
import { addStyle, gesture } from "./parts/kit.js";
import { buildFrame, describe } from "./sky/frame.js";
import { Furniture } from "./sky/furniture.js";
import { watchHands } from "./sky/hands.js";
import { Imagery } from "./sky/imagery.js";
import { surveySection } from "./sky/layers_surveys.js";
import { viewSection } from "./sky/layers_view.js";
import { Marks } from "./sky/marks.js";
import { joinPicture, NOTICE, plainImagery, plainPanel, PlainStage } from "./sky/plain.js";
import { pixelOf, readView } from "./sky/projection.js";
import { joinMocs } from "./sky/mocs.js";
import { joinOutlines } from "./sky/outlines.js";
import { pictureOf, save } from "./sky/picture.js";
import { positionIn } from "./parts/skyframes.js";
import { angleText } from "./parts/sphere.js";
import { joinPoints } from "./sky/rows.js";
import { borrowStage, hasWebGL2 } from "./sky/stage.js";
import areaStyle from "./sky/areas.css";
import { TileWatch } from "./sky/tilewatch.js";
import layerStyle from "./sky/layers.css";
import rowStyle from "./sky/rows.css";
import style from "./sky/sky.css";
import shared from "./parts/viewer.css";

const FIT_MARGIN = 1.15;
const LEAST_FIT = 1 / 60; // degrees: one row alone is shown with its surroundings
// What lies on the sky, the topmost first. Each is a function of `sky` (model, frame, stage, marks, signal, fail(what,
// text), worldAt(x, y), fresh(), loaded()) and returns an object with draw(view), settled(view) and close(); where
// it has them, hover(x, y) and click(x, y), true when there is something of theirs at that pixel; leave(), bounds() and
// count().
const PARTS = [joinPoints, joinOutlines, joinMocs];
const mounted = new WeakMap();

export function render({ model, view, el }) {
  mounted.get(view)?.();
  const watch = new AbortController();
  const frame = buildFrame();
  addStyle(el, shared + style + layerStyle + rowStyle + areaStyle);
  el.append(frame.root);
  let stage = null;
  let parts = [];
  let imagery = null;
  let surveys = null;
  let viewing = null;
  let fitting = model.target === null || model.target === undefined;
  let fittedTo = [0, 0];
  const problems = {};
  let holes = ""; // what the base survey lacks here

  const worldAt = (x, y) => {
    try {
      const [ra, dec] = stage.aladin.pix2world(x, y);
      return Number.isFinite(ra) && Number.isFinite(dec) ? [ra, dec] : null;
    } catch {
      return null; // beside the sky
    }
  };

  const furniture = new Furniture(worldAt);
  const marks = new Marks(furniture);
  frame.host.append(marks.svg);

  const say = () => {
    const wrong = Object.values(problems).filter(Boolean).join(" ");
    frame.say(wrong || model.message, Boolean(wrong));
    frame.note([stage?.plain && NOTICE, model.notice, model.trouble, holes].filter(Boolean).join(" · "));
    frame.doing.textContent = model.offer;
    frame.doing.hidden = !model.offer;
  };

  const fail = (what, text) => {
    problems[what] = text;
    say();
  };

  const fit = () => {
    const circle = parts.map((part) => part.bounds?.()).find(Boolean);
    if (!circle) return false;
    const { clientWidth: width, clientHeight: height } = frame.host;
    if (width < 2 || height < 2) return false; // hidden: onView comes when it is not
    fittedTo = [width, height];
    const across = 2 * circle.radius * FIT_MARGIN * (width / Math.min(width, height));
    stage.go(circle.ra, circle.dec, Math.min(360, Math.max(LEAST_FIT, across)));
    return true;
  };

  // Other rows come: they are shown whole unless someone asked for a place.
  const fresh = () => (fitting = model.target === null || model.target === undefined);

  const loaded = () => {
    frame.fit.disabled = !parts.some((part) => part.bounds?.());
    if (fitting) fit();
    if (stage.view) describe(frame, stage, parts);
  };

  const goToTarget = () => {
    if (!model.target) {
      fresh(); // and the rows may be here already
      loaded();
      return;
    }
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

  const showSurvey = () => {
    frame.offer(model.surveys, model.survey);
    surveys.offer(model.surveys);
    if (model.survey) imagery.show("base", model.survey);
  };

  const showPin = () => {
    furniture.pin = model.pin ?? null;
    if (stage.view) furniture.draw(stage.view);
  };

  const read = (at, held) => {
    if (!stage.view || (frame.readout.lock.checked && !held)) return;
    frame.readout.show(worldAt(...at), stage.view.fov, imagery.valueAt(...at));
  };

  const setView = (settings) => {
    const { grid, compass, scale, reticle, colour, form, kind } = settings;
    furniture.shown = { grid, compass, scale, reticle };
    frame.root.style.setProperty("--tv-sky-furniture", colour);
    frame.readout.form = form;
    frame.readout.again();
    if (kind !== stage.kind) stage.setKind(kind);
    if (stage.view) furniture.draw(stage.view);
  };

  const savePicture = async () => {
    const { view } = stage;
    if (!view) return;
    const [ra, dec] = stage.aladin.getRaDec();
    const named = [imagery.base?.survey.name, imagery.overlay?.survey.name, model.title].filter(Boolean).join(" + ");
    const words = `${named} · ${positionIn("both", ra, dec, view.fov)} · ${angleText(view.fov)} wide · ${view.kind}`;
    const draw = () => parts.toReversed().forEach((part) => part.draw(view));
    try {
      const blob = await pictureOf({ stage, marks, words, draw });
      save(blob, `sky_${ra.toFixed(4)}_${dec.toFixed(4)}.png`);
      fail("picture", "");
    } catch (error) {
      fail("picture", `The picture could not be saved: ${error.message}.`);
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
    marks.begin(tool, worldAt, done, () => frame.press(""), () => frame.mode.value);
    frame.press(tool);
  };

  const pan = (across, down) => {
    const { width, height } = stage.view;
    const to = worldAt(width * (0.5 + across), height * (0.5 + down));
    if (!to) return;
    fitting = false;
    stage.step(...to, stage.wanted.fov);
  };

  const choose = (slot, url) => {
    if (slot === "base") model.survey = url;
    imagery.show(slot, url);
  };

  const acts = {
    ready: () => Boolean(stage.view),
    drawing: () => Boolean(marks.tool),
    point: (at) => {
      read(at, false);
      if (!stage.view) return;
      const found = parts.findIndex((part) => part.hover?.(...at));
      if (found >= 0) for (const part of parts.slice(found + 1)) part.leave?.();
    },
    leave: () => {
      for (const part of parts) part.leave?.();
      describe(frame, stage, parts);
    },
    hold: (held) => (stage.held = held),
    drag: byHand,
    click: (at) => {
      read(at, true);
      parts.some((part) => part.click?.(...at));
    },
    zoom,
    pan,
    fit: () => fit() && stage.touched(),
    tool: useTool,
    cancel: () => Boolean(marks.tool) && (marks.cancel(), true),
    dismiss: () => {
      for (const what of ["base", "overlay", "picture", "tiles"]) problems[what] = "";
      say();
    },
    offered: () => {
      if (!stage?.view) return;
      const [ra, dec] = stage.aladin.getRaDec();
      gesture(model, "offered", { ra, dec, fov: stage.view.fov });
    },
    grid: () => viewing.turnGrid(),
    copy: () => frame.readout.copy(),
    holdPlace: () => frame.readout.lock.click(),
    picture: savePicture,
    layers: () => frame.layers.toggle(),
    close: () => marks.close(),
    survey: (url) => choose("base", url),
  };

  const open = async () => {
    say();
    model.on(["message", "notice", "trouble", "offer"], say);
    frame.root.classList.add("tv-busy");
    try {
      const borrowed = hasWebGL2() ? await borrowStage(frame.host) : new PlainStage(frame.host);
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
    frame.root.sky = { stage, imagery: () => imagery, furniture, marks, worldAt, pixelOf, readView }; // for tests and the console
    const onView = (now) => {
      for (const part of parts) part.draw(now);
      marks.draw(now);
      describe(frame, stage, parts);
      const resized = Math.abs(now.width - fittedTo[0]) > 1 || Math.abs(now.height - fittedTo[1]) > 1;
      if (fitting && resized) fit();
    };
    stage.start(onView, (now, byUser) => {
      for (const part of parts) part.settled(now);
      describe(frame, stage, parts, true);
      tiles.check();
      const [ra, dec] = stage.aladin.getRaDec();
      if (byUser) gesture(model, "moved", { ra, dec, fov: now.fov });
    });
    const lacking = (text) => {
      if (text === holes) return;
      holes = text;
      say();
    };
    const tiles = new TileWatch(() => imagery?.base, () => stage?.view, lacking, watch.signal);
    if (stage.plain) {
      [imagery, surveys] = [plainImagery(model), plainPanel];
      say();
    } else {
      imagery = new Imagery(stage, (slot, text) => fail(slot, text), () => {
        if (imagery.wanted.base) frame.choice.value = imagery.wanted.base;
        surveys.show();
        tiles.check();
      });
      surveys = surveySection(frame.section("surveys", "Surveys"), imagery, choose);
    }
    viewing = viewSection(frame.section("view", "View"), setView, savePicture, stage.plain);
    watchHands(frame, acts, watch.signal);
    showSurvey();
    goToTarget();
    showCurrent(false);
    const sky = { model, frame, stage, marks, signal: watch.signal, fail, worldAt, fresh, loaded };
    for (const join of stage.plain ? [joinPicture] : PARTS) parts.push(join(sky));
    showPin();
    model.on("pin", showPin);
    model.on("target", goToTarget);
    model.on("msg:custom", goToTarget);
    model.on("current", () => showCurrent(true));
    model.on(["survey", "surveys"], showSurvey);
  };

  const close = () => {
    watch.abort();
    for (const part of parts) part.close();
    parts = [];
    imagery?.close();
    marks.cancel();
    stage?.giveBack();
    stage = null;
    mounted.delete(view);
  };
  mounted.set(view, close);
  model.on("remove", close);
  open();
}

// One Aladin Lite with the catalogue layer above it: started late, kept for the life of the page and lent to the
// view that is on screen. Aladin leaves its WebGL context alive when removed, and a page has few, so it never is.
import { element } from "../parts/kit.js";
import { Pace } from "./pace.js";
import { NARROWEST_AIT, readView, sameView, WIDEST, WIDEST_TAN } from "./projection.js";

const SETTLED_MS = 150; // the view has stood still for so long: tell Python, count the marks
const SETTLED_FRAMES = 3; // and for so many frames, where frames are slow
const HAND_FRAMES = 60; // what changes so soon after the user's hand was on the view is his doing: zoom runs on
const TRIES = 30; // frames in which a place Aladin does not take is asked for again
const NARROWEST = 1 / 3600 / 10;

// Only what shows the sky. No survey list, no names: every control that could ask another server stays off.
const OPTIONS = {
  survey: [],
  hipsList: [],
  log: false,
  samp: false,
  target: "0 0",
  fov: 1,
  projection: "TAN",
  cooFrame: "ICRS",
  mode: "dark",
  inertia: false,
  lockNorthUp: true,
  backgroundColor: "#0b0d12",
  showLayersControl: false,
  showZoomControl: false,
  showFullscreenControl: false,
  showFrame: false,
  showFov: false,
  showCooLocation: false,
  showProjectionControl: false,
  showSimbadPointerControl: false,
  showShareControl: false,
  showSettingsControl: false,
  showSelectionModeControl: false,
  showColorPickerControl: false,
  showCooGridControl: false,
  showStatusBar: false,
  showReticle: false,
  showContextMenu: false,
};

const idle = [];
let loading = null;

// Once the page has nothing better to do, but not for ever: reading 2.6 MB of script holds up every other view.
function quiet() {
  const wait = window.requestIdleCallback ?? ((run) => setTimeout(run, 300));
  return new Promise((resolve) => setTimeout(() => wait(resolve, { timeout: 1500 }), 50));
}

function loadAladin() {
  // A file of its own beside this bundle, fetched when the first sky view opens.
  loading ??= quiet().then(() => import(new URL("./aladin.js", import.meta.url).href)).then(async (module) => {
    await module.default.init;
    return module.default;
  });
  loading.catch(() => (loading = null));
  return loading;
}

let canDraw = null;

// Asked once: each try takes one of the page's few contexts until it is given back.
export function hasWebGL2() {
  if (canDraw === null) {
    const gl = document.createElement("canvas").getContext("webgl2");
    canDraw = gl !== null;
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  return canDraw;
}

// Lends a stage inside `host`, made when none is free; needs WebGL2. Throws an Error with a text for the user.
export async function borrowStage(host) {
  let library;
  try {
    library = await loadAladin();
  } catch (error) {
    throw new Error(`The sky view could not be loaded (${error}). Reload the page.`);
  }
  const stage = idle.pop() ?? new Stage(library, host);
  host.append(stage.box);
  return stage;
}

export class Stage {
  constructor(library, host) {
    this.library = library;
    this.sky = element("div", { class: "aladin" });
    this.box = element("div", { class: "stage" }, this.sky);
    host.append(this.box);
    this.kept = new Map();
    this.aladin = library.aladin(this.sky, OPTIONS);
    this.pace = new Pace(this.aladin.view);
    this.sky.ondrop = null; // Aladin would open any dropped file
    this.wanted = { ra: 0, dec: 0, fov: 60 };
    this.#forget();
    this.apply();
  }

  // A drawing layer with a `canvas`, made once for each stage and stacked in the order of asking: WebGL contexts are
  // few, and whoever borrows the stage next uses the same ones. Also found as `stage[name]`.
  keep(name, make) {
    if (!this.kept.has(name)) {
      this[name] = make();
      this.kept.set(name, this[name]);
      this.box.append(this[name].canvas);
    }
    return this.kept.get(name);
  }

  #forget() {
    this.view = null;
    this.onView = () => {};
    this.onSettled = () => {};
    this.kind = ""; // of the projection; "" goes by the width
    this.tries = 0;
    this.movedAt = 0;
    this.still = 0;
    this.held = false; // a button is down on the view
    this.hand = 0;
    this.settled = false;
  }

  // Gives the stage to the view that now owns it; `giveBack` ends that.
  start(onView, onSettled) {
    this.#forget();
    Object.assign(this, { onView, onSettled });
    this.leaving = new AbortController();
    this.pace.listen(this.sky.getRootNode(), this.leaving.signal);
    this.pace.wake();
    const step = () => {
      this.frame = requestAnimationFrame(step);
      this.#tick(performance.now());
    };
    this.frame = requestAnimationFrame(step);
  }

  giveBack() {
    cancelAnimationFrame(this.frame);
    this.leaving?.abort();
    this.#forget();
    this.box.remove();
    if (!idle.includes(this)) idle.push(this);
  }

  // Goes to a place without its counting as the user's doing. A field of 0 keeps the present one.
  go(ra, dec, fov = 0) {
    this.hand = 0;
    this.wanted = { ra: ((ra % 360) + 360) % 360, dec, fov: this.#bounded(fov > 0 ? fov : this.wanted.fov) };
    this.tries = 0;
    this.apply();
  }

  // The user's hand is on the view: what changes now is his, and no longer the place asked for before.
  touched() {
    this.hand = HAND_FRAMES;
  }

  // A step the user asked for by button or key.
  step(ra, dec, fov) {
    this.go(ra, dec, Math.min(360, fov));
    this.touched();
  }

  apply() {
    this.pace.wake();
    if (!this.#shown()) return;
    const { ra, dec, fov } = this.wanted;
    this.#projectFor(fov);
    this.aladin.setFoV(fov);
    this.aladin.gotoRaDec(ra, dec);
  }

  #shown() {
    return this.sky.isConnected && this.sky.clientWidth > 1 && this.sky.clientHeight > 1;
  }

  // Aladin knows the size the page gave it; it rounds down, the browser to the nearest.
  #sized() {
    const [width, height] = this.aladin.getSize();
    return Math.abs(width - this.sky.clientWidth) <= 1 && Math.abs(height - this.sky.clientHeight) <= 1;
  }

  // Keeps to one projection, or with "" changes between TAN and AIT with the width.
  setKind(kind) {
    this.kind = kind;
    this.tries = 0;
    this.wanted.fov = this.#bounded(this.wanted.fov);
    this.apply();
    this.pace.wake();
  }

  #bounded(fov) {
    return Math.min(Math.max(fov, NARROWEST), this.kind ? WIDEST[this.kind] : 360);
  }

  #projectFor(fov) {
    const kind = this.aladin.getProjectionName();
    const wanted = this.kind || (fov > WIDEST_TAN ? "AIT" : fov < NARROWEST_AIT || kind !== "AIT" ? "TAN" : "AIT");
    if (kind !== wanted) this.aladin.setProjection(wanted);
  }

  // Every frame: has Aladin's view changed? Its own events come late and not for every frame. A change that no
  // hand made comes from Aladin's way with sizes (it keeps arcseconds a pixel, late, and collapses the field of
  // a hidden view): we keep place and field.
  #tick(now) {
    if (!this.#shown() || !this.#sized()) {
      if (this.#shown()) this.pace.wake();
      this.hand = 0;
      this.tries = 0;
      return;
    }
    let view;
    try {
      view = readView(this.aladin);
    } catch {
      return; // no sky under the middle of the view
    }
    const byHand = this.hand > 0;
    if (byHand) this.hand--;
    if (!byHand && this.tries < TRIES && Math.abs(view.fov / this.wanted.fov - 1) > 1e-6) {
      this.tries++;
      this.apply();
      return;
    }
    if (sameView(view, this.view)) {
      this.still++;
      const rests = !this.held && this.still >= SETTLED_FRAMES && now - this.movedAt > SETTLED_MS;
      if (!this.settled && rests) this.#settle(byHand);
      return;
    }
    if (byHand) {
      const [ra, dec] = this.aladin.getRaDec();
      this.wanted = { ra, dec, fov: view.fov };
      this.hand = HAND_FRAMES;
    }
    this.view = view;
    this.pace.wake();
    this.movedAt = now;
    this.still = 0;
    this.settled = false;
    this.onView(view);
  }

  #settle(byHand) {
    this.settled = true;
    this.tries = 0;
    if (byHand) this.#projectFor(this.view.fov);
    this.onSettled(this.view, byHand);
    this.hand = 0;
  }
}

// The sky without WebGL2: pictures that the server draws, moved by the same hands. Stands in for stage.js and Aladin.
import { element, gesture } from "../parts/kit.js";
import { cross, normal, unit } from "../parts/sphere.js";
import { alongAxis, NARROWEST_AIT, pixelOf, readView, sameView, WIDEST_TAN } from "./projection.js";

const SETTLED_MS = 150;
const NARROWEST = 1 / 3600;
const PICK = 8; // CSS pixels from a row that still mean it
const DEGREE = Math.PI / 180;
const SHARPEST = 2; // picture pixels a CSS pixel at most

export const NOTICE = "Drawn by the server: no WebGL2 in this browser";

function lonLat([x, y, z]) {
  return [(Math.atan2(y, x) / DEGREE + 360) % 360, Math.atan2(z, Math.hypot(x, y)) / DEGREE];
}

// What stage.js asks of Aladin, for a view of our own: north up, TAN or AIT.
class Geometry {
  constructor(box) {
    this.box = box;
    Object.assign(this, { ra: 0, dec: 0, fov: 60, kind: "TAN" });
  }

  getSize() {
    return [this.box.clientWidth, this.box.clientHeight];
  }

  getProjectionName() {
    return this.kind;
  }

  getRaDec() {
    return [this.ra, this.dec];
  }

  getFov() {
    return [this.fov, this.fov];
  }

  // ICRS degrees of a CSS pixel; null beside the sky.
  pix2world(px, py) {
    const [width, height] = this.getSize();
    const scale = width / 2 / alongAxis(this.kind, (this.fov / 2) * DEGREE);
    const [x, y] = [(px - width / 2) / scale, (height / 2 - py) / scale];
    let local;
    if (this.kind === "TAN") {
      local = normal([x, y, 1]);
    } else {
      const z2 = 1 - (x / 4) ** 2 - (y / 2) ** 2;
      if (!(z2 >= 0.5)) return null;
      const z = Math.sqrt(z2);
      const lon = 2 * Math.atan2(z * x, 2 * (2 * z2 - 1));
      const sine = Math.max(-1, Math.min(1, y * z));
      const cosine = Math.sqrt(1 - sine * sine);
      local = [cosine * Math.sin(lon), sine, cosine * Math.cos(lon)];
    }
    const centre = unit(this.ra, this.dec);
    const right = [Math.sin(this.ra * DEGREE), -Math.cos(this.ra * DEGREE), 0];
    const up = cross(right, centre);
    return lonLat([0, 1, 2].map((i) => local[0] * right[i] + local[1] * up[i] + local[2] * centre[i]));
  }
}

export class PlainStage {
  constructor(host) {
    this.plain = true;
    this.kind = "";
    this.kept = new Map(); // stage.js keeps layers of its own; here all is one picture
    this.box = element("div", { class: "stage" });
    host.append(this.box);
    this.aladin = new Geometry(this.box);
    this.wanted = { ra: 0, dec: 0, fov: 60 };
    this.view = null;
    this.held = false;
    this.byHand = false;
  }

  start(onView, onSettled) {
    Object.assign(this, { onView, onSettled });
    this.watch = new AbortController();
    this.sizes = new ResizeObserver(() => this.apply());
    this.sizes.observe(this.box);
    this.#followDrags();
    this.apply();
  }

  giveBack() {
    clearTimeout(this.rest);
    this.watch?.abort();
    this.sizes?.disconnect();
    this.box.remove();
  }

  go(ra, dec, fov = 0) {
    const wide = fov > 0 ? Math.min(360, Math.max(fov, NARROWEST)) : this.wanted.fov;
    this.wanted = { ra: ((ra % 360) + 360) % 360, dec: Math.max(-90, Math.min(90, dec)), fov: wide };
    this.byHand = false;
    this.apply();
  }

  step(ra, dec, fov) {
    this.go(ra, dec, fov);
    this.touched();
  }

  touched() {
    this.byHand = true;
  }

  // A projection of the user's own choice: the server draws two, which change with the width.
  setKind() {}

  apply() {
    const { aladin, wanted } = this;
    if (this.box.clientWidth < 2 || this.box.clientHeight < 2 || !this.onView) return;
    if (wanted.fov > WIDEST_TAN) aladin.kind = "AIT";
    else if (wanted.fov < NARROWEST_AIT) aladin.kind = "TAN";
    Object.assign(aladin, wanted);
    const view = readView(aladin);
    if (sameView(view, this.view)) return;
    this.view = view;
    this.onView(view);
    this.#rest();
  }

  #rest() {
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      if (this.held) {
        this.#rest();
        return;
      }
      this.onSettled(this.view, this.byHand);
      this.byHand = false;
    }, SETTLED_MS);
  }

  // The sky follows the pointer: what lay in the middle moves by as much as the hand.
  #followDrags() {
    const { signal } = this.watch;
    let last = null;
    this.box.addEventListener("pointerdown", (event) => {
      last = event.button === 0 ? [event.clientX, event.clientY] : null;
      if (last) this.box.setPointerCapture(event.pointerId);
    }, { signal });
    this.box.addEventListener("pointermove", (event) => {
      if (!last || !event.buttons) return;
      const [dx, dy] = [event.clientX - last[0], event.clientY - last[1]];
      last = [event.clientX, event.clientY];
      const [width, height] = this.aladin.getSize();
      const to = this.aladin.pix2world(width / 2 - dx, height / 2 - dy);
      if (to) this.step(...to, this.wanted.fov);
    }, { signal });
    this.box.addEventListener("pointerup", () => (last = null), { signal });
  }
}

// The picture under the marks: one of the parts of sky.js.
export function joinPicture(sky) {
  const { model, frame, stage, signal } = sky;
  const image = element("img", { class: "composed", alt: "The sky, drawn by the server" });
  image.draggable = false;
  stage.box.append(image);
  stage.aladin.getViewDataURL = () => image.src;
  let drawn = null; // the view that the picture shows
  let asked = "";
  let shown = "";
  let request = new AbortController();
  let active = null;

  // Until the next one comes the picture is moved to where it belongs.
  const place = () => {
    if (!drawn || !stage.view) return;
    const at = pixelOf(stage.view, ...lonLat(drawn.centre));
    image.style.visibility = at ? "visible" : "hidden";
    if (!at) return;
    const grow = stage.view.scale / drawn.scale;
    const [dx, dy] = [at[0] - drawn.width / 2, at[1] - drawn.height / 2];
    image.style.transform = `translate(${dx}px, ${dy}px) scale(${grow})`;
  };

  const load = async (view) => {
    if (!view || !model.picture) return;
    const [ra, dec] = lonLat(view.centre);
    const sharp = Math.min(SHARPEST, window.devicePixelRatio || 1);
    const versions = model.catalogs.map((one) => `${one.key}.${one.version}`).join("_") + `.${model.outlines.version ?? 0}`;
    const question = new URLSearchParams({
      ra, dec, fov: view.fov, kind: view.kind, survey: model.survey,
      w: Math.round(view.width * sharp), h: Math.round(view.height * sharp), v: versions,
    }).toString();
    if (question === asked) return;
    asked = question;
    request.abort();
    request = new AbortController();
    const mine = request.signal;
    let address = "";
    frame.root.classList.add("tv-busy");
    try {
      const answer = await fetch(`${model.picture}?${question}`, { signal: mine });
      if (!answer.ok) {
        const said = await answer.json().catch(() => ({}));
        throw new Error(said.message ?? `status ${answer.status}`);
      }
      address = URL.createObjectURL(await answer.blob());
      image.src = address;
      await image.decode();
      if (shown) URL.revokeObjectURL(shown);
      shown = address;
      if (mine.aborted) return;
      drawn = view;
      image.style.width = `${view.width}px`;
      image.style.height = `${view.height}px`;
      place();
      sky.fail("picture", "");
    } catch (error) {
      if (address) URL.revokeObjectURL(address);
      if (mine.aborted) return;
      asked = "";
      sky.fail("picture", `The picture of the sky could not be had: ${error.message}`);
    } finally {
      if (!mine.aborted) frame.root.classList.remove("tv-busy");
    }
  };

  const update = () => {
    const now = model.catalogs.find((info) => info.active)?.key ?? null;
    if (now !== active) {
      active = now;
      sky.fresh();
    }
    sky.loaded();
    load(stage.view);
  };

  const click = async (x, y) => {
    const world = sky.worldAt(x, y);
    const info = model.catalogs.find((one) => one.active);
    if (!world || !info) return;
    const [ra, dec] = world;
    const question = new URLSearchParams({ ra, dec, r: PICK / stage.view.scale / DEGREE, v: info.version });
    try {
      const answer = await fetch(`${info.url}/nearest?${question}`, { signal });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const row = await answer.json();
      if (row >= 0) gesture(model, "clicked", { row });
    } catch (error) {
      if (!signal.aborted) sky.fail("picture", `The row could not be found (${error.message}).`);
    }
  };

  update();
  model.on(["catalogs", "outlines", "survey", "picture"], update);
  return {
    draw: place,
    settled: load,
    click: (x, y) => {
      click(x, y);
      return true;
    },
    bounds() {
      const circle = model.catalogs.find((info) => info.active)?.circle;
      return circle ? { ra: circle[0], dec: circle[1], radius: circle[2] } : null;
    },
    close() {
      request.abort();
      if (shown) URL.revokeObjectURL(shown);
      image.remove();
    },
  };
}

// What sky.js asks of the surveys (imagery.js) and of their panel, when there is only one picture.
export function plainImagery(model) {
  return {
    wanted: { base: "", overlay: "" },
    show(slot, url) {
      if (slot !== "base") return;
      this.wanted.base = url;
      if (model.survey !== url) model.survey = url;
    },
    valueAt: () => null,
    close() {},
  };
}

export const plainPanel = { offer() {}, show() {} };

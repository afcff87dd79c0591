// What is under the pointer: value, variance, names of mask planes, sky, and the pixel by both conventions.
import { element } from "../parts/kit.js";
import { degreeText, hourText, positionText } from "../parts/sphere.js";

const REST = 60; // ms the pointer must rest before the server is asked for what is not loaded

export const number = (v) => (Number.isFinite(v) ? String(Number(v.toPrecision(6))).replaceAll("-", "−") : "no value");

// All digits where the server has told them; what is not loaded is on its way.
const textOf = ({ value, text } = {}) => {
  if (value === undefined) return "…";
  return text && value !== null ? text.replaceAll("-", "−") : number(value ?? NaN);
};

// The FITS pixel counts from 1, the LSST one from 0 at the corner of the parent image.
const place = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`.replaceAll("-", "−");

export class Readout {
  constructor() {
    this.value = element("span", { class: "value" });
    this.sky = element("span", { class: "place" });
    this.degrees = element("span", { class: "degrees" });
    this.pixel = element("span", { class: "pixel" });
    this.root = element("div", { class: "readout", "aria-hidden": "true" }, ...this.#nodes);
    this.request = new AbortController();
    this.timer = null;
  }

  get #nodes() {
    return [this.value, this.sky, this.degrees, this.pixel];
  }

  // What lies at a pixel of each of `images` (the first one's pixel; `others` give the same sky). `loaded(image, x, y)`
  // is the value when it is at hand.
  show(images, places, loaded) {
    const [image] = images;
    const [x, y] = places[0];
    this.#drop();
    if (!image?.ready || !inside(image, x, y)) {
      this.clear();
      return;
    }
    const values = images.map((one, k) => (inside(one, ...places[k]) ? loaded(one, ...places[k]) : NaN));
    this.#write(images, values.map((value) => ({ value: value > 3e38 ? NaN : value })));
    const sky = image.lattice?.sky(x, y);
    this.sky.textContent = sky ? `${hourText(sky[0], 3)} ${degreeText(sky[1], 2)}` : "no sky coordinates";
    this.degrees.textContent = sky ? `${positionText(...sky, 0.002)}°` : "";
    const { x0, y0 } = image.meta.lsst;
    this.pixel.textContent = `FITS ${place(x + 1, y + 1)}   LSST ${place(x + x0, y + y0)}`;
    this.timer = setTimeout(() => this.#ask(images, places), REST);
  }

  async #ask(images, places) {
    this.request = new AbortController();
    const { signal } = this.request;
    try {
      const asked = images.map((image, k) => image.answer("at", { x: places[k][0], y: places[k][1] }, signal));
      const found = await Promise.all(asked);
      if (signal.aborted) return;
      this.#write(images, found);
      this.exact = found;
    } catch (error) {
      if (!signal.aborted) this.value.textContent = error.message;
    }
  }

  #write(images, found) {
    const values = images.map((image, k) => {
      const name = image.band || image.meta.band;
      return `${name ? `${name} ` : ""}${textOf(found[k])}`;
    });
    const variance = images.length === 1 && found[0]?.variance !== undefined && found[0].variance !== null;
    const names = [...new Set(found.flatMap((one) => one?.names ?? []))];
    this.value.textContent = [
      `${values.join("  ")} ${images[0].meta.unit}`.trim(),
      variance ? `σ² ${number(found[0].variance)}` : "",
      names.join(" "),
    ].filter(Boolean).join("   "); // prettier-ignore
  }

  #drop() {
    clearTimeout(this.timer);
    this.request.abort();
    this.exact = null;
  }

  clear() {
    this.#drop();
    for (const node of this.#nodes) node.textContent = "";
  }
}

const inside = ({ nx, ny }, x, y) => x >= -0.5 && y >= -0.5 && x < nx - 0.5 && y < ny - 0.5;

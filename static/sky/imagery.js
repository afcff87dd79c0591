// The surveys under everything else: a base and one overlay, how each is drawn, and the values of their pixels.
import { readSurvey } from "./survey.js";

export const SLOTS = ["base", "overlay"];
export const STRETCHES = ["linear", "log", "asinh", "sqrt", "pow2"];
const OVERLAY = "overlay";

// How a survey is drawn until somebody changes it.
function plain(survey) {
  return {
    format: survey.formats[0],
    colormap: "native",
    stretch: "linear",
    invert: false,
    opacity: 1,
    cuts: { picture: [0, 255], fits: survey.cuts ?? survey.range ?? [0, 1] },
  };
}

export const cutsOf = (look) => look.cuts[look.format === "fits" ? "fits" : "picture"];

export class Imagery {
  // `tell(slot, text)` says what went wrong with a slot, "" when it is well; `changed()` follows each change.
  constructor(stage, tell, changed) {
    Object.assign(this, { stage, tell, changed });
    this.base = null; // {survey, look, layer}
    this.overlay = null;
    this.wanted = { base: "", overlay: "" };
    this.looks = new Map(); // by slot and address: going back to a survey finds it as it was left
    this.asked = { base: new AbortController(), overlay: new AbortController() };
    this.maps = stage.aladin.getListOfColormaps();
    this.serial = 0;
  }

  // Shows the survey at `url`; the one before stays until the new one can be shown. "" takes the overlay away.
  async show(slot, url) {
    if (url === this.wanted[slot]) return;
    this.wanted[slot] = url;
    this.asked[slot].abort();
    const asked = (this.asked[slot] = new AbortController());
    if (!url) {
      this.#drop(slot);
      this.tell(slot, "");
      this.changed();
      return;
    }
    try {
      const survey = await readSurvey(url, asked.signal);
      if (asked.signal.aborted) return;
      const key = `${slot} ${url}`;
      if (!this.looks.has(key)) this.looks.set(key, plain(survey));
      this.#put(slot, survey, this.looks.get(key));
      this.tell(slot, "");
    } catch (error) {
      if (asked.signal.aborted) return;
      this.wanted[slot] = this[slot]?.survey.url ?? "";
      this.tell(slot, `The survey ${url} could not be opened: ${error.message.replace(/\.$/, "")}.`);
    }
    this.changed();
  }

  // Changes how a slot is drawn: format, colormap, stretch, invert, opacity, cuts (a pair for the present format).
  adjust(slot, changes) {
    const now = this[slot];
    if (!now) return;
    const { look } = now;
    const { cuts, ...others } = changes;
    const format = look.format;
    Object.assign(look, others);
    if (cuts) look.cuts[look.format === "fits" ? "fits" : "picture"] = cuts;
    if (look.format !== format) this.#put(slot, now.survey, look);
    else now.layer.setOptions(options(look));
    this.stage.pace.wake();
    this.changed();
  }

  // As it was when first shown.
  reset(slot) {
    const now = this[slot];
    if (!now) return;
    Object.assign(now.look, plain(now.survey));
    this.#put(slot, now.survey, now.look);
    this.changed();
  }

  // The value under a pixel of the view: {value, unit, name} of the topmost survey whose tiles hold values, or null.
  valueAt(x, y) {
    for (const slot of ["overlay", "base"]) {
      const now = this[slot];
      if (!now || now.look.format !== "fits" || now.look.opacity === 0) continue;
      let value;
      try {
        value = now.layer.readPixel(x, y);
      } catch {
        continue; // no tile there, or none yet
      }
      if (Array.isArray(value)) [value] = value;
      if (Number.isFinite(value)) return { value, unit: now.survey.unit, name: now.survey.name };
    }
    return null;
  }

  close() {
    for (const slot of SLOTS) this.asked[slot].abort();
    this.#drop("overlay");
  }

  #drop(slot) {
    if (slot === "overlay" && this.overlay) {
      this.stage.aladin.removeImageLayer(OVERLAY);
      this.stage.pace.wake();
    }
    this[slot] = null;
  }

  #put(slot, survey, look) {
    const { aladin, library } = this.stage;
    // A name for each time: Aladin keeps what it knows of a survey by name.
    const layer = library.HiPS(`${survey.did}#${slot}${++this.serial}`, {
      url: survey.address,
      name: survey.name,
      creatorDid: `${survey.did}#${slot}${this.serial}`,
      maxOrder: survey.order,
      minOrder: survey.orderMin,
      tileSize: survey.width,
      cooFrame: survey.frame,
      formats: survey.formats,
      imgFormat: look.format,
      ...(survey.bitpix ? { bitpix: survey.bitpix, numBitsPerPixel: survey.bitpix } : {}),
      ...options(look),
    });
    if (slot === "base") aladin.setBaseImageLayer(layer);
    else aladin.setOverlayImageLayer(layer, OVERLAY);
    this[slot] = { survey, look, layer };
    this.stage.pace.wake();
  }
}

function options(look) {
  const [minCut, maxCut] = cutsOf(look);
  return {
    colormap: look.colormap,
    stretch: look.stretch,
    reversed: look.invert,
    opacity: look.opacity,
    minCut,
    maxCut,
    cutFormat: look.format,
  };
}

// The images that are shown, DS9's frames: what the server says of each, and its levels of black and white.
import { BAD_PLANES } from "./colours.js";
import { Lattice } from "./lattice.js";

const ORDER = ["u", "g", "r", "i", "z", "y"];

// The text of an answer that is an error: the portal writes {message, hint}.
async function wrong(answer) {
  const text = await answer.text();
  try {
    const { message, hint } = JSON.parse(text);
    return [message, hint].filter(Boolean).join(" ");
  } catch {
    return text.slice(0, 300) || `status ${answer.status}`;
  }
}

export class Image {
  // `told` as Python gives it: {id, title, band, state, message, version}. `changed()` when there is something new.
  constructor(told, url, changed) {
    Object.assign(this, { id: told.id, url, changed, meta: null, lattice: null, problem: "", view: null, serial: 0 });
    this.levels = new Map(); // kind of cuts -> [low, high], or null while they are on their way
    this.request = new AbortController();
    this.tell(told);
  }

  tell(told) {
    const again = this.version !== undefined && this.version !== (told.version ?? 0);
    const opened = told.state === "ready" && (this.state !== "ready" || again);
    Object.assign(this, { title: told.title ?? "", state: told.state ?? "ready", message: told.message ?? "" });
    this.band = told.band ?? "";
    this.version = told.version ?? 0;
    if (opened) this.load();
  }

  get ready() {
    return this.meta !== null;
  }

  // What stands in a button for it.
  get name() {
    return this.band || this.meta?.band || this.title || this.id;
  }

  ask(what, more = {}) {
    const query = new URLSearchParams({ ask: what, f: this.id, ...more });
    if (this.version) query.set("v", this.version);
    return `${this.url}${this.url.includes("?") ? "&" : "?"}${query}`;
  }

  // The answer to a question of portal/image/answers.py. Throws an Error with a text for the user.
  async answer(what, more = {}, signal = this.request.signal) {
    const answer = await fetch(this.ask(what, more), { signal });
    if (!answer.ok) throw new Error(await wrong(answer));
    return answer.json();
  }

  // What the server draws of it, an ImageBitmap; null when an image was closed meanwhile. Throws as `answer`.
  async picture(asked, signal) {
    const answer = await fetch(this.ask("picture", asked), { signal });
    if (!answer.ok) throw new Error(await wrong(answer));
    const blob = await answer.blob();
    return blob.size ? createImageBitmap(blob) : null;
  }

  async load() {
    this.request.abort();
    this.request = new AbortController();
    const { signal } = this.request;
    const { version } = this;
    this.problem = "";
    try {
      const meta = await this.answer("meta", {}, signal);
      if (signal.aborted) return;
      this.meta = meta;
      this.problem = ""; // of a tile of the image that was here before
      this.serial = version; // of what is shown: that of the tiles
      [this.nx, this.ny] = [meta.nx, meta.ny];
      this.lattice = meta.lattice ? new Lattice(meta.lattice, meta.nx, meta.ny) : null;
      this.levels = new Map(Object.entries(meta.cuts));
    } catch (error) {
      if (signal.aborted) return;
      this.meta = null;
      this.problem = `The image could not be shown: ${error.message}`;
    }
    this.changed(this);
  }

  trouble(text) {
    this.problem = text;
    this.changed(this);
  }

  // [low, high] of one kind of cuts; null while the server works them out.
  cuts(kind) {
    return this.#soon(kind, "cuts", { kind }, (found) => found);
  }

  // Share of the pixels below 257 levels from low to high: the histogram stretch.
  ladder([low, high]) {
    return this.#soon(`ladder ${low} ${high}`, "histogram", { low, high }, ({ counts }) => {
      const steps = new Float32Array(counts.length + 1);
      counts.forEach((count, i) => (steps[i + 1] = steps[i] + count));
      return steps.map((step) => step / (steps.at(-1) || 1));
    });
  }

  #soon(key, what, more, read) {
    if (!this.levels.has(key)) {
      if (this.levels.size > 64) this.levels = new Map(Object.entries(this.meta.cuts));
      this.levels.set(key, null);
      this.answer(what, more).then(
        (found) => {
          this.levels.set(key, read(found));
          this.changed(this);
        },
        (error) => error.name !== "AbortError" && this.trouble(error.message),
      );
    }
    return this.levels.get(key);
  }

  // Bits of the shown planes and their colours as the shader takes them; `masks`: name -> [colour, opacity].
  planes(masks, colourOf) {
    const out = new Float32Array(4 * 32);
    let shown = 0;
    for (const { name, bit } of this.meta?.masks ?? []) {
      const wanted = Object.hasOwn(masks, name) ? masks[name] : null;
      if (!wanted) continue;
      shown |= 1 << bit;
      out.set([...colourOf(wanted[0]), Math.max(0, Math.min(1, wanted[1]))], 4 * bit);
    }
    return { shown, planes: out };
  }

  close() {
    this.request.abort();
  }
}

// All open images, in the order Python gives them.
export class Images {
  constructor(changed) {
    this.changed = changed;
    this.list = [];
  }

  // Takes over the list of Python: images that stay keep what they know.
  tell(list, url) {
    const known = new Map(this.list.map((image) => [image.id, image]));
    this.list = list.map((told) => {
      const old = known.get(told.id);
      if (old && old.url === url) {
        known.delete(told.id);
        old.tell(told);
        return old;
      }
      return new Image(told, url, this.changed);
    });
    for (const image of known.values()) image.close();
  }

  find(id) {
    return this.list.find((image) => image.id === id);
  }

  // [red, green, blue] ids of the colour picture: those chosen, as far as they are there, else i r g when all three
  // bands are there, else the three of longest wavelength; null with fewer than three.
  colours(chosen) {
    if (chosen?.length === 3 && chosen.every((id) => this.find(id))) return chosen;
    const bands = new Map(this.list.filter((one) => ORDER.includes(one.band)).map((one) => [one.band, one.id]));
    const known = ORDER.filter((band) => bands.has(band));
    if (known.length < 3) return this.list.length < 3 ? null : this.list.slice(0, 3).map((one) => one.id);
    const three = ["g", "r", "i"].every((band) => bands.has(band)) ? ["g", "r", "i"] : known.slice(-3);
    return three.reverse().map((band) => bands.get(band));
  }

  // [{name, doc}] of all mask planes of the open images, each once.
  get planes() {
    const found = new Map();
    for (const image of this.list) for (const plane of image.meta?.masks ?? []) found.set(plane.name, plane);
    return [...found.values()];
  }

  get badPlanes() {
    return this.planes.filter(({ name }) => BAD_PLANES.includes(name));
  }

  close() {
    for (const image of this.list) image.close();
    this.list = [];
  }
}

// Images without WebGL2: in the place of painter.js, pictures of the cells that the server draws (ask=picture). The
// last picture of a cell moves with the view until the next one is here.
import { debounce } from "../parts/kit.js";
import { texels } from "./colours.js";
import { frameOf } from "./painter.js";

const SETTLED = 120; // ms without a change after which pictures are asked for
const MOST_PIXELS = 1.5e6; // of one picture: a finer screen shows larger pixels, and does not wait longer
const MOST = 64; // pictures kept: two grids of cells

export const NOTICE = "Drawn by the server: this browser offers no WebGL2. Turn on hardware acceleration for the full view.";

const digits = (values) => values.map((value) => Number(value.toFixed(6))).join();

const hex = (rgb) => Array.from(rgb, (part) => Math.round(255 * part).toString(16).padStart(2, "0")).join("");

// The three corners the server wants of a view: lower left, lower right, upper left.
const corners = ([from, across, up]) => digits([...from, from[0] + across[0], from[1] + across[1], from[0] + up[0], from[1] + up[1]]);

// The mask planes of a part as the server reads them.
function tints({ shown, planes }) {
  const bits = Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => shown & (1 << bit));
  return bits.map((bit) => {
    const [red, green, blue, opacity] = planes.subarray(4 * bit, 4 * bit + 4);
    return `${bit}:${hex([red, green, blue])}:${opacity.toFixed(3)}`;
  }).join(); // prettier-ignore
}

const tables = new Map();

// The 256 colours of a map, as text.
function table(name) {
  if (!tables.has(name)) {
    const rgb = texels(name).filter((_, i) => i % 4 < 3);
    tables.set(name, btoa(String.fromCharCode(...rgb)));
  }
  return tables.get(name);
}

export class PlainPainter {
  tiled = false; // what is drawn here needs no tiles
  lost = false;

  // Throws as Painter does. `arrived()` when there is a new picture to show.
  constructor(canvas, arrived) {
    this.context = canvas.getContext("2d", { alpha: false });
    if (!this.context) throw new Error("This browser offers neither WebGL2 nor a canvas to draw images on.");
    Object.assign(this, { canvas, arrived });
    this.values = this.masks = { layerOf: () => -1 };
    this.pictures = new Map(); // cell -> {address, bitmap, view}, in the order of last use
    this.under = new Map(); // cell -> {address, request}
    this.wanted = new Map(); // cell -> what to ask for
    this.later = debounce(() => this.#ask(), SETTLED);
  }

  // Whether something that should be seen is not here yet.
  get waiting() {
    return this.wanted.size > 0;
  }

  begin(width, height, stage) {
    const { canvas, context } = this;
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    this.stage = hex(stage);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = `#${this.stage}`;
    context.fillRect(0, 0, width, height);
    this.before = this.wanted;
    this.wanted = new Map();
  }

  // As Painter's.
  cell(box, parts, look) {
    const key = parts.map(({ image }) => `${image.id}/${image.serial}`).join();
    const view = frameOf(parts[0].mesh);
    const [image] = parts.map((part) => part.image);
    const asked = this.#asked(box, parts, look);
    const address = image.ask("picture", asked);
    const picture = this.pictures.get(key);
    if (picture) {
      this.pictures.delete(key);
      this.pictures.set(key, picture);
      this.#lay(picture, box, view, picture.address === address);
    }
    if (picture?.address === address || image.problem) return;
    this.wanted.set(key, { image, asked, address, view });
    if (this.before.get(key)?.address !== address && this.under.get(key)?.address !== address) this.later();
  }

  #asked([, , width, height], parts, look) {
    const shrink = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)));
    const lead = frameOf(look.lead);
    const asked = {
      f: parts.map(({ image }) => image.id).join(),
      width: Math.max(1, Math.round(width * shrink)),
      height: Math.max(1, Math.round(height * shrink)),
      view: parts.map(({ mesh, warped }) => corners(warped ? lead : frameOf(mesh))).join(";"),
      ground: this.stage,
      empty: hex(look.empty),
    };
    const warped = parts.filter((part) => part.warped).map(({ image }) => image.id);
    if (warped.length) Object.assign(asked, { lead: look.leader, warped: warped.join() });
    if (parts.some(({ shown }) => shown)) asked.planes = parts.map(tints).join(";");
    if (parts.length === 3) return { ...asked, sky: look.sky.join(), weight: look.weight.join(), lupton: look.lupton.join() };
    if (look.invert) asked.invert = 1;
    return { ...asked, limits: look.cuts.join(), stretch: look.stretch, bend: digits(look.bend), map: table(look.map) };
  }

  // Draws a picture where its pixels are now.
  #lay({ bitmap, view }, [left, bottom, width, height], now, same) {
    const { context, canvas } = this;
    const top = canvas.height - bottom - height;
    context.save();
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    context.imageSmoothingEnabled = false;
    if (same) {
      context.drawImage(bitmap, left, top, width, height);
    } else {
      const [from, across, up] = now;
      const area = across[0] * up[1] - across[1] * up[0];
      // Device pixels of a place of the old picture, 0 to 1 from its lower left corner.
      const at = (u, v) => {
        const [x, y] = [0, 1].map((c) => view[0][c] + u * view[1][c] + v * view[2][c] - from[c]);
        return [left + ((x * up[1] - y * up[0]) / area) * width, top + (1 - (y * across[0] - x * across[1]) / area) * height];
      };
      const [o, a, b] = [at(0, 1), at(1, 1), at(0, 0)];
      context.setTransform(a[0] - o[0], a[1] - o[1], b[0] - o[0], b[1] - o[1], ...o);
      context.drawImage(bitmap, 0, 0, 1, 1);
    }
    context.restore();
  }

  #ask() {
    for (const [key, { image, asked, address, view }] of this.wanted) {
      const under = this.under.get(key);
      if (under?.address !== address) {
        under?.request.abort();
        this.#fetch(key, image, asked, address, view);
      }
    }
  }

  async #fetch(key, image, asked, address, view) {
    const request = new AbortController();
    this.under.set(key, { address, request });
    try {
      const bitmap = await image.picture(asked, request.signal);
      if (request.signal.aborted) bitmap?.close();
      else if (bitmap) this.#keep(key, { address, bitmap, view });
    } catch (error) {
      if (!request.signal.aborted) image.trouble(`The image could not be drawn: ${error.message}`);
    } finally {
      if (this.under.get(key)?.request === request) this.under.delete(key);
      if (!request.signal.aborted) this.arrived();
    }
  }

  #keep(key, picture) {
    this.pictures.get(key)?.bitmap.close();
    this.pictures.delete(key);
    this.pictures.set(key, picture);
    const [oldest] = this.pictures.keys();
    if (this.pictures.size > MOST) {
      this.pictures.get(oldest).bitmap.close();
      this.pictures.delete(oldest);
    }
  }

  // As Painter's.
  read(x, y, width = 1, height = 1) {
    const { data } = this.context.getImageData(x, y, width, height);
    const rows = Array.from({ length: height }, (_, j) => data.subarray(4 * width * j, 4 * width * (j + 1)));
    const out = new Uint8Array(data.length);
    rows.reverse().forEach((row, j) => out.set(row, 4 * width * j));
    return out;
  }

  close() {
    this.later.cancel();
    for (const { request } of this.under.values()) request.abort();
    for (const { bitmap } of this.pictures.values()) bitmap.close();
    this.pictures.clear();
    this.canvas.width = this.canvas.height = 1;
  }
}

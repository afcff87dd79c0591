// A cutout as it comes from portal/sky/cutout.py: values, masks, sky positions, and how values become colours.
import { radec } from "../parts/sphere.js";

const ORDER = ["u", "g", "r", "i", "z", "y"];
const BEND = 3; // where asinh turns from linear to logarithmic, in units of the cuts' range
const BAD = ["BAD", "SAT", "CR", "NO_DATA", "INTRP", "SUSPECT", "EDGE", "UNMASKEDNAN", "STREAK"];

export class Pixels {
  // Throws an Error with a text for the user when the bytes are not a cutout.
  constructor(buffer) {
    if (buffer.byteLength < 8) throw new Error("the image ended too early");
    const length = new DataView(buffer).getUint32(0, true);
    if (length > buffer.byteLength - 4) throw new Error("the image ended too early");
    this.header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    const { nx, ny, bands, mask } = this.header;
    Object.assign(this, { nx, ny, bands });
    const size = nx * ny;
    const wanted = 4 + length + 4 * size * bands.length * (mask ? 2 : 1);
    if (buffer.byteLength !== wanted) throw new Error("the image has the wrong length");
    const at = (k) => 4 + length + 4 * size * k;
    this.values = bands.map((_, k) => new Float32Array(buffer, at(k), size));
    this.masks = mask ? bands.map((_, k) => new Int32Array(buffer, at(bands.length + k), size)) : null;
    this.tops = this.values.map((values, k) => this.#top(values, this.header.cuts[k]));
    this.planes = Object.entries(mask ?? {});
    this.badBits = this.planes.filter(([name]) => BAD.includes(name)).reduce((bits, [, bit]) => bits | (1 << bit), 0);
  }

  // White level of the bent stretches: what all but the brightest 2 in 1000 pixels stay under.
  #top(values, [low, high]) {
    const some = Array.from({ length: Math.min(values.length, 20000) }, (_, i) =>
      values[Math.floor((i * values.length) / Math.min(values.length, 20000))],
    ).filter(Number.isFinite);
    some.sort((a, b) => a - b);
    return Math.max(high, some[Math.floor(some.length * 0.998)] ?? high, low + 1e-30);
  }

  // The three bands of the colour picture as [red, green, blue] places: i r g when all are there, else the three
  // of longest wavelength; null with fewer than three.
  get colourBands() {
    const known = ORDER.filter((band) => this.bands.includes(band));
    if (known.length < 3) return null;
    const chosen = ["g", "r", "i"].every((band) => known.includes(band)) ? ["g", "r", "i"] : known.slice(-3);
    return chosen.reverse().map((band) => this.bands.indexOf(band));
  }

  get colourName() {
    return (this.colourBands ?? []).map((k) => this.bands[k]).reverse().join("");
  }

  inside(x, y) {
    return x >= 0 && y >= 0 && x < this.nx && y < this.ny;
  }

  // Names of the mask planes set at a pixel in any of the bands.
  planesAt(x, y, places) {
    if (!this.masks) return [];
    const bits = places.reduce((all, k) => all | this.masks[k][y * this.nx + x], 0);
    return this.planes.filter(([, bit]) => bits & (1 << bit)).map(([name]) => name);
  }

  // [ra, dec] in degrees of a place in the image, pixel centres at whole numbers; null without a lattice.
  skyAt(x, y) {
    const { lattice } = this.header;
    if (!lattice) return null;
    const { n, xi, eta, ra0, dec0 } = lattice;
    const u = ((x + 0.5) / this.nx) * (n - 1);
    const v = ((y + 0.5) / this.ny) * (n - 1);
    const i = Math.max(0, Math.min(n - 2, Math.floor(u)));
    const j = Math.max(0, Math.min(n - 2, Math.floor(v)));
    const [a, b] = [u - i, v - j];
    const between = (grid) => {
      const k = j * n + i;
      return (1 - b) * ((1 - a) * grid[k] + a * grid[k + 1]) + b * ((1 - a) * grid[k + n] + a * grid[k + n + 1]);
    };
    return fromPlane(between(xi) / 3600, between(eta) / 3600, ra0, dec0);
  }

  // Paints RGBA into `image` (ImageData of nx by ny, its first row the top of the sky).
  paint(image, { band, stretch, invert, masked }, tint) {
    const places = band < 0 ? this.colourBands : [band];
    const out = image.data;
    const shade = places.map((k) => this.#shade(k, stretch));
    const { nx, ny } = this;
    const rgb = [0, 0, 0];
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++) {
        const from = y * nx + x;
        const to = 4 * ((ny - 1 - y) * nx + x);
        if (band < 0) this.#colour(places, from, rgb);
        else rgb.fill(shade[0](this.values[band][from]));
        const empty = Number.isNaN(rgb[0]);
        const bad = masked && places.some((k) => this.masks[k][from] & this.badBits);
        for (let c = 0; c < 3; c++) {
          let level = invert && band >= 0 ? 1 - rgb[c] : rgb[c];
          if (bad) level = (level + tint[c]) / 2;
          out[to + c] = 255 * level;
        }
        out[to + 3] = empty ? 0 : 255;
      }
    }
  }

  // A value of band k to 0..1.
  #shade(k, stretch) {
    const [low, high] = this.header.cuts[k];
    const range = high - low;
    const clamp = (t) => (t < 0 ? 0 : t > 1 ? 1 : t);
    const reach = (this.tops[k] - low) / range;
    if (stretch === "linear") return (v) => clamp((v - low) / range);
    if (stretch === "log") return (v) => clamp(Math.log1p(Math.max(0, 9 * ((v - low) / range))) / Math.log1p(9 * reach));
    return (v) => clamp(Math.asinh((BEND * (v - low)) / range) / Math.asinh(BEND * reach));
  }

  // Colours after Lupton et al. 2004: the mean of the bands is bent, their ratios stay. Each band counts in units
  // of its own cuts, so that noise is grey.
  #colour(places, from, rgb) {
    let mean = 0;
    for (let c = 0; c < 3; c++) {
      const [low, high] = this.header.cuts[places[c]];
      rgb[c] = (this.values[places[c]][from] - low) / (high - low);
      mean += rgb[c] / 3;
    }
    this.reach ??= places.reduce((sum, k) => {
      const [low, high] = this.header.cuts[k];
      return sum + (this.tops[k] - low) / (high - low) / 3;
    }, 0);
    const factor = mean > 0 ? Math.asinh(BEND * mean) / Math.asinh(BEND * this.reach) / mean : 0;
    for (let c = 0; c < 3; c++) rgb[c] = Math.max(0, rgb[c] * factor);
    const most = Math.max(...rgb);
    if (most > 1) for (let c = 0; c < 3; c++) rgb[c] /= most;
    if (Number.isNaN(mean)) rgb.fill(NaN);
  }
}

// [ra, dec] of a point of the plane that touches the sky at ra0, dec0; all in degrees.
function fromPlane(xi, eta, ra0, dec0) {
  const rad = Math.PI / 180;
  const [x, y, a, d] = [xi * rad, eta * rad, ra0 * rad, dec0 * rad];
  const inner = Math.cos(d) - y * Math.sin(d);
  return radec([
    inner * Math.cos(a) - x * Math.sin(a),
    inner * Math.sin(a) + x * Math.cos(a),
    Math.sin(d) + y * Math.cos(d),
  ]);
}

// A cutout as it comes from portal/sky/cutout.py: values, masks, sky positions, and how values become colours.
import { radec } from "../parts/sphere.js";

const ORDER = ["u", "g", "r", "i", "z", "y"];
const BEND = 3; // where asinh turns from linear to logarithmic, in units of the cuts' range
const LEAST_REACH = 8; // white is at least so many ranges above black: an empty field stays dark
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
    this.levels = this.values.map((values, k) => levels(values, this.header.cuts[k]));
    this.planes = Object.entries(mask ?? {});
    this.badBits = this.planes.filter(([name]) => BAD.includes(name)).reduce((bits, [, bit]) => bits | (1 << bit), 0);
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
    const shade = this.#shade(places[0], stretch);
    const mix = band < 0 ? this.#mixture(places) : null;
    const { nx, ny } = this;
    const rgb = [0, 0, 0];
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++) {
        const from = y * nx + x;
        const to = 4 * ((ny - 1 - y) * nx + x);
        if (mix) this.#colour(mix, from, rgb);
        else rgb.fill(shade(this.values[band][from]));
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
    const { reach } = this.levels[k];
    if (stretch === "linear") return (v) => clamp((v - low) / range);
    if (stretch === "log") return (v) => clamp(Math.log1p(Math.max(0, (9 * (v - low)) / range)) / Math.log1p(9 * reach));
    return (v) => clamp(Math.asinh((BEND * (v - low)) / range) / Math.asinh(BEND * reach));
  }

  // Colours after Lupton et al. 2004: the mean of the bands is bent, their ratios stay. Each band counts from its
  // sky level, in units half-way (geometrically) between equal fluxes and equal noise: stars like the Sun are
  // white and noise is dark grey.
  #mixture(places) {
    const ranges = places.map((k) => this.header.cuts[k][1] - this.header.cuts[k][0]);
    const middle = Math.cbrt(ranges[0] * ranges[1] * ranges[2]);
    return {
      values: places.map((k) => this.values[k]),
      skies: places.map((k) => this.levels[k].sky),
      units: ranges.map((range) => Math.sqrt(range * middle)),
      white: Math.asinh(BEND * places.reduce((sum, k) => sum + this.levels[k].reach / 3, 0)),
    };
  }

  #colour({ values, skies, units, white }, from, rgb) {
    let mean = 0;
    for (let c = 0; c < 3; c++) {
      rgb[c] = (values[c][from] - skies[c]) / units[c] + 0.1;
      mean += rgb[c] / 3;
    }
    const factor = mean > 0 ? Math.asinh(BEND * mean) / white / mean : 0;
    for (let c = 0; c < 3; c++) rgb[c] = Math.max(0, rgb[c] * factor);
    const most = Math.max(...rgb);
    if (most > 1) for (let c = 0; c < 3; c++) rgb[c] /= most;
    if (Number.isNaN(mean)) rgb.fill(NaN);
  }
}

// Sky level, and the white level of the bent stretches in ranges of the cuts: what all but 2 in 1000 pixels stay
// under. From at most 20,000 of the values.
function levels(values, [low, high]) {
  const count = Math.min(values.length, 20000);
  const some = Float32Array.from({ length: count }, (_, i) => values[Math.floor((i * values.length) / count)])
    .filter(Number.isFinite)
    .sort();
  const top = some[Math.floor(some.length * 0.998)] ?? high;
  const sky = some[some.length >> 1] ?? low;
  return { sky, reach: Math.max(LEAST_REACH, (top - low) / (high - low)) };
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

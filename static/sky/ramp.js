// Colours for values: maps of 256 steps, a ramp of one colour for counts, and classes. RGBA texels for WebGL.

const hex = (text) => text.match(/../g).map((two) => parseInt(two, 16));

// Colours at equal steps, straight lines between them.
const MAPS = {
  viridis: "44015448186a472d7b4240863b528b33638d2c728e26828e21918c1fa08828ae803fbc735ec96284d44baddc30d8e219fde725",
  cividis: "00224e002e6a1a386f32436d434e6c535a6d61656f6f70737d7c788c88789b9476aba072bcae6ccdbb63dec958f0d846fee838",
  plasma: "0d08873105974c02a16600a77e03a89511a1aa2395bc3587cc4778da5a6ae66c5cf0804ef89540fdac33fdc527f8df25f0f921",
  inferno: "0000040b0724210c4a3d096557106e71196e8a226aa32c61bc3754d24644e45a31f1731df98e09fcac11f9cb35f2ea69fcffa4",
  magma: "0000040a08221d114736106b51127c6a1c818326819c2e7fb73779d0416fe75263f56b5cfc8961fea772fec488fde2a3fcfdbf",
  coolwarm: "3b4cc06788ee9abbffc9d7f0edd1c2f7a889e26952b40426",
  grey: "303030ffffff",
};
export const STEPS = 256;

// 256 RGBA texels through the colours [[r, g, b], ...], 0..255.
function between(colours) {
  const out = new Uint8Array(4 * STEPS);
  const last = colours.length - 1;
  for (let i = 0; i < STEPS; i++) {
    const at = (i / (STEPS - 1)) * last;
    const k = Math.min(last - 1, Math.floor(at));
    for (let c = 0; c < 3; c++) out[4 * i + c] = colours[k][c] + (colours[k + 1][c] - colours[k][c]) * (at - k);
    out[4 * i + 3] = 255;
  }
  return out;
}

export const MAP_NAMES = Object.keys(MAPS);

export function mapTexels(name) {
  const flat = hex(MAPS[name] ?? MAPS.viridis);
  return between(Array.from({ length: flat.length / 3 }, (_, i) => flat.slice(3 * i, 3 * i + 3)));
}

// From a dark shade of a colour (0..1) over the colour itself to nearly white: few rows to many.
export function shadeTexels(rgb) {
  const full = rgb.map((x) => 255 * x);
  return between([full.map((x) => 0.45 * x), full, full.map((x) => x + 0.8 * (255 - x))]);
}

// One colour (0..1) for each class, at the texel of its code.
export function classTexels(colours) {
  const out = new Uint8Array(4 * STEPS);
  colours.forEach((rgb, i) => out.set([...rgb.map((x) => Math.round(255 * x)), 255], 4 * i));
  return out;
}

// The same as a CSS gradient.
export function gradientOf(texels) {
  const stops = Array.from({ length: 9 }, (_, i) => {
    const at = 4 * Math.round((i / 8) * (STEPS - 1));
    return `rgb(${texels[at]} ${texels[at + 1]} ${texels[at + 2]})`;
  });
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

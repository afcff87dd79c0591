// Colour maps of the FITS viewer: 256 colours each, and colours of mask planes that the colour-blind can tell apart.

const hex = (text) => text.match(/../g).map((two) => parseInt(two, 16));
const clamp = (x) => Math.max(0, Math.min(1, x));

// 17 colours at equal steps as one hexadecimal text, straight lines between them.
function steps(text) {
  const levels = hex(text);
  const last = levels.length / 3 - 1;
  return (t) => {
    const i = Math.min(last - 1, Math.floor(t * last));
    const f = t * last - i;
    return [0, 1, 2].map((c) => (levels[3 * i + c] * (1 - f) + levels[3 * i + 3 + c] * f) / 255);
  };
}

// Green's cubehelix (2011): brightness rises evenly while the hue turns one and a half times.
function cubehelix(t) {
  const angle = 2 * Math.PI * (1 / 6 - 1.5 * t);
  const reach = (t * (1 - t)) / 2;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [
    t + reach * (1.78277 * sin - 0.14861 * cos),
    t - reach * (0.29227 * cos + 0.90649 * sin),
    t + reach * 1.97294 * cos,
  ];
}

const MAPS = {
  grey: (t) => [t, t, t],
  viridis: steps("44015448186a472d7b4240863b528b33638d2c728e26828e21918c1fa08828ae803fbc735ec96284d44baddc30d8e219fde725"),
  cividis: steps("00224e002e6a1a386f32436d434e6c535a6d61656f6f70737d7c788c88789b9476aba072bcae6ccdbb63dec958f0d846fee838"),
  magma: steps("0000040a08221d114736106b51127c6a1c818326819c2e7fb73779d0416fe75263f56b5cfc8961fea772fec488fde2a3fcfdbf"),
  inferno: steps("0000040b0724210c4a3d096557106e71196e8a226aa32c61bc3754d24644e45a31f1731df98e09fcac11f9cb35f2ea69fcffa4"),
  plasma: steps("0d08873105974c02a16600a77e03a89511a1aa2395bc3587cc4778da5a6ae66c5cf0804ef89540fdac33fdc527f8df25f0f921"),
  cubehelix,
  heat: (t) => [3 * t, 3 * t - 1, 3 * t - 2],
  bb: (t) => [2 * t, 2 * t - 0.5, 2 * t - 1],
  cool: (t) => [3 * t - 2, 3 * t - 1, 3 * t],
  rainbow: (t) => [0, 1, 2].map((c) => 1.5 - Math.abs(4 * (1 - t) - (c === 0 ? 0.5 : c === 1 ? 2 : 3.5)) * 0.9),
  red: (t) => [t, 0, 0],
  green: (t) => [0, t, 0],
  blue: (t) => [0, 0, t],
  // Below the middle blue, above it red, the middle white: for differences.
  diverging: (t) => (t < 0.5 ? [2 * t, 0.3 + 1.4 * t, 0.6 + 0.8 * t] : [1 - 0.6 * (t - 0.5), 2 - 2 * t, 2 - 2 * t]),
};

export const COLOUR_MAPS = Object.keys(MAPS);

// 256 RGBA texels.
export function texels(name) {
  const map = MAPS[name] ?? MAPS.grey;
  const out = new Uint8Array(4 * 256);
  for (let i = 0; i < 256; i++) out.set([...map(i / 255).map((x) => Math.round(255 * clamp(x))), 255], 4 * i);
  return out;
}

// [r, g, b] in 0..1 of "#rrggbb"; null for anything else.
export const fromHex = (text) => (/^#[0-9a-f]{6}$/i.test(text) ? hex(text.slice(1)).map((x) => x / 255) : null);

// Okabe and Ito's colours, told apart with any colour vision, in the order in which planes take them.
const PLANES = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"];

// What readers of LSST images know, so that the same plane has the same colour in every image.
const KNOWN = {
  BAD: "#d55e00", SAT: "#009e73", INTRP: "#f0e442", CR: "#cc79a7", EDGE: "#e69f00", DETECTED: "#56b4e9",
  DETECTED_NEGATIVE: "#0072b2", SUSPECT: "#e69f00", NO_DATA: "#cc79a7", STREAK: "#f0e442", CROSSTALK: "#cc79a7",
  UNMASKEDNAN: "#d55e00",
}; // prettier-ignore

// "#rrggbb" of the mask plane `name`, the `place`th of its image.
export const planeColour = (name, place) => KNOWN[name] ?? PLANES[place % PLANES.length];

// Planes that spoil a pixel: shown when masks are first asked for.
export const BAD_PLANES = ["BAD", "SAT", "CR", "NO_DATA", "INTRP", "SUSPECT", "EDGE", "UNMASKEDNAN", "STREAK"];

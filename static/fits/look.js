// From the settings of the user to what the shader needs: limits of black and white, Lupton's levels, colours.
import { NO_VALUE, tileKey } from "./tiles.js";

const BEND = 3; // asinh of three colours turns from linear to logarithmic at a third of the range of the cuts
const LEAST_REACH = 8; // white is at least so many ranges above black: an empty field stays dark
const SAMPLE = 20000;

// The settings that hold for an image: its own when images do not share theirs.
export function settingsOf(model, id) {
  const { stretch, cuts, limits } = model;
  const own = model.share === "" && Object.hasOwn(model.own ?? {}, id) ? model.own[id] : {};
  return { stretch, cuts, limits, ...own };
}

// [low, high] for `image`; null while they are not known.
export function limitsOf(model, image, leader) {
  const from = model.share === "limits" && leader?.ready ? leader : image;
  const { cuts, limits } = settingsOf(model, from.id);
  if (limits[1] > limits[0]) return limits;
  return from.cuts(cuts) ?? from.cuts("zscale");
}

// Levels of an image for the colour picture, from its coarsest tile: sky, and what all but 2 in 1000 pixels stay under.
function levels(image, tiles) {
  const last = image.meta.levels - 1;
  const tile = tiles.get(tileKey(image, "image", last, 0, 0));
  if (!tile) return null;
  if (image.spread?.tile === tile) return image.spread;
  const [low, high] = image.cuts("zscale");
  const count = Math.min(tile.data.length, SAMPLE);
  const some = Float32Array.from({ length: count }, (_, i) => tile.data[Math.floor((i * tile.data.length) / count)])
    .filter((value) => value !== Math.fround(NO_VALUE))
    .sort();
  const range = high - low || 1;
  const top = some[Math.floor(some.length * 0.998)] ?? high;
  const sky = some[some.length >> 1] ?? low;
  image.spread = { tile, sky, range, reach: Math.max(LEAST_REACH, (top - low) / range) };
  return image.spread;
}

// Black levels, factors, stretch and Q of the colour picture after Lupton et al. (2004); the user's where given. By
// itself each band counts from its sky level, in units half-way (geometrically) between equal fluxes and equal
// noise: stars like the Sun are white, noise is dark grey.
export function luptonOf(model, images, tiles) {
  const chosen = model.lupton ?? {};
  const found = images.map((image) => levels(image, tiles));
  if (found.some((one) => one === null)) return null;
  const middle = Math.cbrt(found.reduce((all, { range }) => all * range, 1));
  const units = found.map(({ range }) => Math.sqrt(range * middle));
  // White where the brightest 2 in 1000 pixels begin: asinh(white * q / stretch) = 10 asinh(q / 10).
  const white = found.reduce((sum, { reach }) => sum + reach / 3, 0);
  const q = chosen.q > 0 ? chosen.q : 10 * Math.sinh(Math.asinh(BEND * white) / 10);
  const stretch = chosen.q > 0 ? (white * q) / Math.sinh(Math.min(80, 10 * Math.asinh(q / 10))) : q / BEND;
  return {
    sky: chosen.minimum ?? found.map(({ sky }, k) => sky - 0.1 * units[k]),
    weight: chosen.weight ?? units.map((unit) => 1 / unit),
    lupton: [chosen.stretch > 0 ? chosen.stretch : stretch, q],
  };
}

// For first minus second: as far below zero as above.
export function differenceLimits(model, images, leader) {
  const { limits } = settingsOf(model, leader?.id);
  if (limits[1] > limits[0]) return limits;
  const ranges = images.map((image) => limitsOf(model, image, leader)).filter(Boolean);
  const half = Math.max(...ranges.map(([low, high]) => (high - low) / 2), 0) || 1;
  return [-half, half];
}

// Nested HEALPix (Górski et al. 2005) in the browser: where the tiles of a HiPS lie and which of them a view needs.
import { dot, normal, separation } from "../parts/sphere.js";

const ROW = [2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4];
const QUARTER = [1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7];

// Direction of the point (x, y) of a base face, 0..1 each: x to the north-east, y to the north-west.
export function direction(face, x, y) {
  const row = ROW[face] - x - y;
  const cap = row < 1 ? row : row > 3 ? 4 - row : 1;
  let z, sine;
  if (cap < 1) {
    z = (1 - (cap * cap) / 3) * (row < 1 ? 1 : -1);
    sine = cap * Math.sqrt((1 + Math.abs(z)) / 3); // of the angle from the pole, exact near it
  } else {
    z = ((2 - row) * 2) / 3;
    sine = Math.sqrt(1 - z * z);
  }
  const phi = cap > 0 ? ((Math.PI / 4) * (QUARTER[face] * cap + x - y)) / cap : 0;
  return [sine * Math.cos(phi), sine * Math.sin(phi), z];
}

// [face, x, y] of a direction; the inverse of `direction`.
export function placeOf([vx, vy, z]) {
  const away = Math.abs(z);
  const turn = ((Math.atan2(vy, vx) * 2) / Math.PI + 4) % 4;
  if (away <= 2 / 3) {
    const falling = 0.5 + turn - 0.75 * z;
    const rising = 0.5 + turn + 0.75 * z;
    const [down, up] = [Math.floor(falling), Math.floor(rising)];
    const face = down === up ? (down & 3) + 4 : down < up ? down & 3 : (up & 3) + 8;
    return [face, rising - up, 1 - (falling - down)];
  }
  const quarter = Math.min(3, Math.floor(turn));
  const part = turn - quarter;
  const reach = Math.sqrt(3 * (Math.hypot(vx, vy) ** 2 / (1 + away)));
  const [a, b] = [Math.min(1, part * reach), Math.min(1, (1 - part) * reach)];
  return z > 0 ? [quarter, 1 - b, 1 - a] : [quarter + 8, a, b];
}

// Nested number of the pixel (x, y) of a face, whole numbers below 2 ** order. Plain arithmetic: beyond 31 bits.
export function nested(face, x, y, order) {
  let number = 0;
  let weight = 1;
  for (let bit = 0; bit < order; bit++, weight *= 4) {
    number += weight * ((Math.floor(x / 2 ** bit) % 2) + 2 * (Math.floor(y / 2 ** bit) % 2));
  }
  return number + face * 4 ** order;
}

const cached = new Map();

// The tile (face, x, y) of an order: its middle and how far its corners are from it (radians).
function cap(face, x, y, order) {
  const key = `${order}/${face}/${x}/${y}`;
  let found = cached.get(key);
  if (!found) {
    const side = 2 ** order;
    const centre = normal(direction(face, (x + 0.5) / side, (y + 0.5) / side));
    let reach = 0;
    for (const [dx, dy] of [[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0], [0, 0.5], [1, 0.5], [0.5, 1]]) {
      reach = Math.max(reach, separation(centre, direction(face, (x + dx) / side, (y + dy) / side)));
    }
    found = { centre, reach: reach * 1.02 };
    if (cached.size > 20000) cached.clear();
    cached.set(key, found);
  }
  return found;
}

// Tiles {order, npix, face, x, y} that touch the circle about a direction (radians), and pass `near(tile's cap)`.
export function tilesIn(centre, radius, order, near = () => true) {
  const found = [];
  const visit = (face, x, y, k) => {
    const { centre: middle, reach } = cap(face, x, y, k);
    const apart = dot(middle, centre) > 0.999 ? separation(middle, centre) : Math.acos(dot(middle, centre));
    if (apart > radius + reach) return;
    if (k === order) {
      if (near(middle, reach)) found.push({ order, npix: nested(face, x, y, k), face, x, y });
      return;
    }
    for (const [dx, dy] of [[0, 0], [1, 0], [0, 1], [1, 1]]) visit(face, 2 * x + dx, 2 * y + dy, k + 1);
  };
  for (let face = 0; face < 12; face++) visit(face, 0, 0, 0);
  return found;
}

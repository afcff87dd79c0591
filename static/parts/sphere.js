// Directions on the sky as unit vectors (x to RA 0, y to RA 90, z to the north pole) and as text. Knows no view.

const RAD = Math.PI / 180;

export function unit(ra, dec) {
  const cos = Math.cos(dec * RAD);
  return [cos * Math.cos(ra * RAD), cos * Math.sin(ra * RAD), Math.sin(dec * RAD)];
}

// [ra, dec] in degrees, ra in 0..360.
export function radec([x, y, z]) {
  const ra = Math.atan2(y, x) / RAD;
  return [ra < 0 ? ra + 360 : ra, Math.atan2(z, Math.hypot(x, y)) / RAD];
}

export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

export const cross = (a, b) => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

export function normal(v) {
  const length = Math.hypot(...v) || 1;
  return [v[0] / length, v[1] / length, v[2] / length];
}

// Angle between two directions in radians, exact for small ones too.
export const separation = (a, b) => Math.atan2(Math.hypot(...cross(a, b)), dot(a, b));

// A circle {ra, dec, radius} in degrees around all `count` directions; null when there is none.
// `at(i)` gives direction i or null. About the middle of two far apart: half as wide again as the narrowest circle where
// the places are corners of a triangle, nearly always less.
export function enclosing(count, at) {
  const farthest = (from) => {
    let best = null;
    let most = -1;
    for (let i = 0; i < count; i++) {
      const v = at(i);
      if (!v) continue;
      const chord = (v[0] - from[0]) ** 2 + (v[1] - from[1]) ** 2 + (v[2] - from[2]) ** 2;
      if (chord > most) [most, best] = [chord, v];
    }
    return best;
  };
  let first = null;
  for (let i = 0; i < count && !first; i++) first = at(i);
  if (!first) return null;
  const one = farthest(first);
  const two = farthest(one);
  const middle = [one[0] + two[0], one[1] + two[1], one[2] + two[2]];
  const centre = Math.hypot(...middle) > 1e-6 ? normal(middle) : first;
  const radius = separation(centre, farthest(centre)) / RAD;
  const [ra, dec] = radec(centre);
  return { ra, dec, radius };
}

const two = (n) => String(n).padStart(2, "0");

function sexagesimal(value, decimals) {
  const scale = 10 ** decimals;
  let ticks = Math.round(value * 3600 * scale);
  const seconds = ((ticks % (60 * scale)) / scale).toFixed(decimals);
  ticks = Math.floor(ticks / (60 * scale));
  return `${two(Math.floor(ticks / 60))}:${two(ticks % 60)}:${seconds.padStart(decimals ? decimals + 3 : 2, "0")}`;
}

// "04:08:00.000": hours of right ascension.
export function hourText(ra, decimals = 3) {
  const text = sexagesimal((((ra % 360) + 360) % 360) / 15, decimals);
  return text.startsWith("24:") ? `00${text.slice(2)}` : text;
}

// "-37:00:00.00": degrees of declination, signed.
export function degreeText(dec, decimals = 2) {
  return (dec < 0 ? "−" : "+") + sexagesimal(Math.abs(dec), decimals);
}

// "62.000000 -37.000000", as many decimals as a view of `fov` degrees can tell apart.
export function positionText(ra, dec, fov = 0.01) {
  const decimals = Math.max(3, Math.min(8, Math.ceil(3.5 - Math.log10(fov))));
  return `${ra.toFixed(decimals)} ${dec.toFixed(decimals)}`.replace("-", "−");
}

// An angle in the unit a reader expects: "1.20°", "4.50′", "12.0″".
export function angleText(degrees) {
  if (degrees >= 1) return `${degrees.toPrecision(3)}°`;
  if (degrees * 60 >= 1) return `${(degrees * 60).toPrecision(3)}′`;
  return `${(degrees * 3600).toPrecision(3)}″`;
}

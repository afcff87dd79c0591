// How a direction becomes a pixel of the sky view, in double precision; the shader of points.js does the same.
import { cross, dot, normal, separation, unit } from "../parts/sphere.js";

export const KINDS = { TAN: 0, SIN: 1, AIT: 2 };
// Beyond this width a flat (TAN) view is too distorted: the view changes to the whole-sky AIT, and back.
export const WIDEST_TAN = 110;
export const NARROWEST_AIT = 80;

// Distance from the centre in the plane (radians near the centre) of a point `angle` away along a main axis.
const along = {
  TAN: Math.tan,
  SIN: Math.sin,
  AIT: (angle) => (2 * Math.SQRT2 * Math.sin(angle / 2)) / Math.sqrt(1 + Math.cos(angle / 2)),
};

// Reads the view from Aladin's own arithmetic: centre, direction to the right, direction up, CSS pixels a radian.
// Two of its positions fix everything, so no sign or scale convention of Aladin is assumed but square pixels.
export function readView(aladin) {
  const [width, height] = aladin.getSize();
  const kind = aladin.getProjectionName();
  const step = Math.min(width, height) / 4;
  const centre = unit(...aladin.pix2world(width / 2, height / 2));
  const beside = unit(...aladin.pix2world(width / 2 + step, height / 2));
  const distance = dot(centre, beside);
  const right = normal(beside.map((x, i) => x - distance * centre[i]));
  const scale = step / along[kind](separation(centre, beside));
  if (!Number.isFinite(scale)) throw new Error("the sky view has no size");
  return { width, height, kind, centre, right, up: cross(right, centre), scale, fov: aladin.getFov()[0] };
}

export function sameView(a, b) {
  return (
    a !== null &&
    b !== null &&
    a.width === b.width &&
    a.height === b.height &&
    a.kind === b.kind &&
    a.scale === b.scale &&
    a.centre.every((x, i) => x === b.centre[i]) &&
    a.right.every((x, i) => x === b.right[i])
  );
}

// CSS pixel [x, y] of the direction (x, y, z), into `out`; false when it lies behind the view.
export function project(view, x, y, z, out) {
  const { centre, right, up, kind, scale } = view;
  const dx = x - centre[0];
  const dy = y - centre[1];
  const dz = z - centre[2];
  let across = dx * right[0] + dy * right[1] + dz * right[2];
  let above = dx * up[0] + dy * up[1] + dz * up[2];
  const depth = 1 - (dx * dx + dy * dy + dz * dz) / 2;
  if (kind === "AIT") {
    const half = Math.atan2(across, depth) / 2;
    const cos = Math.hypot(across, depth);
    const root = Math.SQRT2 / Math.sqrt(1 + cos * Math.cos(half));
    across = 2 * cos * Math.sin(half) * root;
    above *= root;
  } else {
    if (!(depth > 0.01)) return false;
    if (kind === "TAN") {
      across /= depth;
      above /= depth;
    }
  }
  out[0] = view.width / 2 + across * scale;
  out[1] = view.height / 2 - above * scale;
  return true;
}

// Pixel of a sky position in degrees, or null.
export function pixelOf(view, ra, dec) {
  const out = [0, 0];
  return project(view, ...unit(ra, dec), out) ? out : null;
}

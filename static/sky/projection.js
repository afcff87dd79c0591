// How a direction becomes a pixel of the sky view, in double precision; project.glsl does the same.
import projectShader from "./project.glsl";
import { cross, dot, normal, separation, unit } from "../parts/sphere.js";

export const KINDS = { TAN: 0, SIN: 1, AIT: 2, STG: 3, ZEA: 4, MER: 5, MOL: 6 };
// The widest view of each, in degrees.
export const WIDEST = { TAN: 150, SIN: 180, AIT: 360, STG: 350, ZEA: 350, MER: 360, MOL: 360 };
// Beyond this width a flat (TAN) view is too distorted: the view changes to the whole-sky AIT, and back.
export const WIDEST_TAN = 110;
export const NARROWEST_AIT = 80;

const MOL_ACROSS = (2 * Math.SQRT2) / Math.PI;

// Distance from the centre in the plane (radians near the centre) of a point `angle` away along the main axis.
const along = {
  TAN: Math.tan,
  SIN: Math.sin,
  AIT: (angle) => (2 * Math.SQRT2 * Math.sin(angle / 2)) / Math.sqrt(1 + Math.cos(angle / 2)),
  STG: (angle) => 2 * Math.tan(angle / 2),
  ZEA: (angle) => 2 * Math.sin(angle / 2),
  MER: (angle) => angle,
  MOL: (angle) => MOL_ACROSS * angle,
};

export const alongAxis = (kind, angle) => along[kind](angle);

// Mollweide's auxiliary angle: 2 t + sin 2 t = PI sine.
function mollweide(sine) {
  const near = Math.PI / 2 - Math.cbrt(0.75 * Math.PI * Math.max(0, 1 - Math.abs(sine)));
  let t = Math.abs(sine) > 0.99 ? Math.sign(sine) * near : (Math.PI / 4) * sine;
  for (let i = 0; i < 12; i++) {
    const slope = 2 + 2 * Math.cos(2 * t);
    if (slope < 1e-9) break;
    t -= (2 * t + Math.sin(2 * t) - Math.PI * sine) / slope;
  }
  return t;
}

// A vertex shader whose line "// project.glsl" becomes the function project(hi, lo, clip) and what it needs.
export const projecting = (shader) => shader.replace("// project.glsl", () => projectShader);

// Sets the uniforms of project.glsl in the program in use; `at(name)` finds their places.
export function tellView(gl, at, view) {
  const hi = Float32Array.from(view.centre);
  gl.uniform3fv(at("centreHi"), hi);
  gl.uniform3fv(at("centreLo"), view.centre.map((x, i) => x - hi[i]));
  gl.uniform3fv(at("right"), view.right);
  gl.uniform3fv(at("up"), view.up);
  gl.uniform2f(at("reach"), (2 * view.scale) / view.width, (2 * view.scale) / view.height);
  gl.uniform1i(at("kind"), KINDS[view.kind]);
}

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
  if (kind === "TAN" || kind === "SIN") {
    if (!(depth > 0.01)) return false;
    if (kind === "TAN") {
      across /= depth;
      above /= depth;
    }
  } else if (kind === "AIT") {
    const half = Math.atan2(across, depth) / 2;
    const cos = Math.hypot(across, depth);
    const root = Math.SQRT2 / Math.sqrt(1 + cos * Math.cos(half));
    across = 2 * cos * Math.sin(half) * root;
    above *= root;
  } else if (kind === "STG" || kind === "ZEA") {
    if (depth < -0.999) return false;
    const grow = kind === "STG" ? 2 / (1 + depth) : Math.sqrt(2 / (1 + depth));
    across *= grow;
    above *= grow;
  } else if (kind === "MER") {
    if (Math.abs(above) > 0.99999) return false;
    across = Math.atan2(across, depth);
    above = Math.atanh(above);
  } else {
    const t = mollweide(above);
    across = MOL_ACROSS * Math.atan2(across, depth) * Math.cos(t);
    above = Math.SQRT2 * Math.sin(t);
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

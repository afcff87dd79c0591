// Rows as points: read as they come from the server, drawn by WebGL2, picked in doubles.
import { buffer, directionBuffers, vertexArray } from "./gl.js";
import { project, tellView } from "./projection.js";
import { enclosing, unit } from "../parts/sphere.js";

const LEAST_DIAMETER = 1.6;
const MOST_DIAMETER = 9;
const LEAST_SIZED = 4; // CSS pixels, of the smallest value of a column of sizes
const MOST_SIZED = 22;
export const SHAPES = { circle: 0, square: 1, diamond: 2, triangle: 3, plus: 4, cross: 5, dot: 7, class: -1 };

// Reads what portal/sky/marks.py writes: a JSON header with its length, then the columns. Throws an Error when they
// do not fit. Positions that are not on the sky stay out.
export function readPoints(bytes) {
  const wrong = new Error("the positions have the wrong length");
  if (bytes.byteLength < 4) throw wrong;
  const length = new DataView(bytes).getUint32(0, true);
  if (length + 4 > bytes.byteLength) throw wrong;
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
  const { n } = head;
  let at = 4 + length;
  if (bytes.byteLength !== at + n * (21 + (head.valued ? 4 : 0) + (head.sized ? 1 : 0))) throw wrong;
  const take = (kind) => {
    const made = new kind(bytes, at, n);
    at += made.byteLength;
    return made;
  };
  const [ra, dec, row] = [take(Float64Array), take(Float64Array), take(Uint32Array)];
  const value = head.valued ? take(Float32Array) : null;
  const size = head.sized ? take(Uint8Array) : null;
  const chosen = take(Uint8Array);
  const xyz = new Float64Array(3 * n);
  let missing = 0;
  for (let i = 0; i < n; i++) {
    const good = Math.abs(dec[i]) <= 90 && Number.isFinite(ra[i]);
    if (good) xyz.set(unit(ra[i], dec[i]), 3 * i);
    else missing++; // it is nowhere: the vector 0
  }
  return { head, count: n, missing, xyz, row, value, size, chosen };
}

export const NO_POINTS = { head: {}, count: 0, xyz: new Float64Array(0), row: [], value: null, size: null, chosen: [] };

// The points of one catalogue.
export class Points {
  constructor(gl) {
    this.gl = gl;
    this.inView = 0;
    this.load(NO_POINTS);
  }

  load(points) {
    const gl = this.gl;
    this.clear();
    this.points = points;
    if (!points.count) return;
    const none = new Float32Array(points.count).fill(-3.4e38);
    const values = points.value ? points.value.map((x) => (Number.isFinite(x) ? x : -3.4e38)) : none;
    const [hi, lo] = directionBuffers(gl, points.xyz);
    const marks = [];
    points.chosen.forEach((one, i) => one && marks.push(i));
    const elements = marks.length ? buffer(gl, Uint32Array.from(marks), gl.ELEMENT_ARRAY_BUFFER) : null;
    const parts = points.size ? [buffer(gl, points.size), 1, gl.UNSIGNED_BYTE, true] : null;
    const columns = [[hi, 3], [lo, 3], [buffer(gl, points.chosen), 1, gl.UNSIGNED_BYTE], [buffer(gl, values), 1], parts];
    this.array = vertexArray(gl, columns, elements);
    this.buffers = [...columns.filter(Boolean).map(([one]) => one), ...(elements ? [elements] : [])];
    this.marks = marks.length;
  }

  clear() {
    if (this.array) this.gl.deleteVertexArray(this.array);
    for (const one of this.buffers ?? []) this.gl.deleteBuffer(one);
    [this.array, this.buffers, this.marks, this.points] = [null, [], 0, NO_POINTS];
  }

  // How many marks lie in the view: sets their size, and is told to screen readers.
  countIn(view) {
    let seen = 0;
    this.#each(view, null, (k, x, y) => {
      if (x >= 0 && y >= 0 && x <= view.width && y <= view.height) seen++;
    });
    this.inView = seen;
  }

  // Diameter in CSS pixels: open circles while they do not hide each other, ever finer dots when they are many.
  diameter(view) {
    const room = Math.sqrt((view.width * view.height) / Math.max(1, this.inView));
    return Math.max(LEAST_DIAMETER, Math.min(MOST_DIAMETER, 0.9 * room));
  }

  // `look`: colour and chosen (rgb 0..1), map (texture), valued (0, 1, 2), low, span, shape; `small` draws them finer.
  draw(view, { made, at }, look) {
    if (!this.points.count) return;
    const gl = this.gl;
    const ratio = window.devicePixelRatio || 1;
    const sized = this.points.size !== null;
    const diameter = this.diameter(view);
    gl.useProgram(made);
    tellView(gl, at, view);
    gl.uniform1f(at("size"), (sized ? LEAST_SIZED : diameter) * ratio);
    gl.uniform1f(at("spread"), sized ? (MOST_SIZED - LEAST_SIZED) * ratio : 0);
    gl.uniform1f(at("line"), 1.3 * ratio);
    gl.uniform1f(at("opacity"), Math.min(0.95, 0.4 + (sized ? MOST_DIAMETER : diameter) / 8));
    gl.uniform3fv(at("colour"), look.colour);
    gl.uniform3fv(at("chosenColour"), look.chosen);
    gl.uniform1i(at("valued"), this.points.value ? look.valued : 0);
    gl.uniform1i(at("shape"), look.shape);
    gl.uniform1f(at("low"), look.low);
    gl.uniform1f(at("span"), look.span);
    gl.bindTexture(gl.TEXTURE_2D, look.map);
    gl.bindVertexArray(this.array);
    gl.drawArrays(gl.POINTS, 0, this.points.count);
    if (this.marks) gl.drawElements(gl.POINTS, this.marks, gl.UNSIGNED_INT, 0); // marked ones once more, on top
    gl.bindVertexArray(null);
  }

  // The place in the list of the point nearest to a pixel, within `reach` CSS pixels, or -1; the marked one of equals.
  pick(view, px, py, towards, reach = 8) {
    let best = -1;
    let least = reach * reach;
    this.#each(view, towards && { towards, angle: (2 * reach) / view.scale }, (k, x, y) => {
      const away = (x - px) ** 2 + (y - py) ** 2;
      if (away < least || (away === least && (best < 0 || this.points.chosen[k] >= this.points.chosen[best]))) {
        [least, best] = [away, k];
      }
    });
    return best;
  }

  // The circle {ra, dec, radius} in degrees around all positions, or null.
  bounds() {
    const { xyz, count } = this.points;
    return enclosing(count, (i) => (xyz[3 * i] || xyz[3 * i + 1] || xyz[3 * i + 2] ? [...xyz.subarray(3 * i, 3 * i + 3)] : null));
  }

  // Every point on the screen; `about` leaves out what is farther than an angle (radians) from a direction, which
  // costs a tenth of projecting it. The scale of a view is finest at its centre or the same, so twice is enough.
  #each(view, about, run) {
    const { xyz, count } = this.points;
    const out = [0, 0];
    const [tx, ty, tz] = about ? about.towards : [0, 0, 0];
    const far = about ? 4 * Math.sin(Math.min(about.angle, Math.PI) / 2) ** 2 : Infinity;
    for (let k = 0; k < count; k++) {
      const [x, y, z] = [xyz[3 * k], xyz[3 * k + 1], xyz[3 * k + 2]];
      if ((x - tx) ** 2 + (y - ty) ** 2 + (z - tz) ** 2 > far) continue;
      if ((x || y || z) && project(view, x, y, z, out)) run(k, out[0], out[1]);
    }
  }
}

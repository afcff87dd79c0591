// The layer of outlines: closed loops of great circle edges, drawn by WebGL2, picked in doubles. Knows no rows' meaning.
import lineShader from "./lines.glsl";
import strokeShader from "./stroke.glsl";
import { clearFor, colourOf } from "./gl.js";
import { project, projecting, tellView } from "./projection.js";
import { enclosing, normal, separation, unit } from "../parts/sphere.js";

const LONGEST = Math.PI / 180; // an edge is cut into parts no longer: straight on the screen in every projection
export const PAINTS = 8;
// Where the strokes of a line lie, in CSS pixels: WebGL draws lines one device pixel wide.
const ONE = [[0, 0]];
const WIDE = [[0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]];

// Reads uint32 n outlines, uint32 m corners, float64 ra[m], dec[m], uint32 start[n + 1], row[n], uint8 paint[n], all
// little-endian. Gives the corners as unit vectors, each loop's first one again at its end, and where the loops lie.
export function readOutlines(buffer) {
  if (buffer.byteLength < 8) throw new Error("the outlines ended too early");
  const head = new DataView(buffer);
  const [n, m] = [head.getUint32(0, true), head.getUint32(4, true)];
  if (buffer.byteLength !== 8 + 16 * m + 4 * (n + 1) + 5 * n) throw new Error("the outlines have the wrong length");
  const ra = new Float64Array(buffer, 8, m);
  const dec = new Float64Array(buffer, 8 + 8 * m, m);
  const start = new Uint32Array(buffer, 8 + 16 * m, n + 1);
  const row = new Uint32Array(buffer, 12 + 16 * m + 4 * n, n);
  const paint = new Uint8Array(buffer, 12 + 16 * m + 8 * n, n);
  const places = [];
  const from = new Uint32Array(n + 1);
  for (let i = 0; i < n; i++) {
    let last = unit(ra[start[i]], dec[start[i]]);
    places.push(...last);
    for (let k = start[i] + 1; k <= start[i + 1]; k++) {
      const at = k < start[i + 1] ? k : start[i];
      const next = unit(ra[at], dec[at]);
      const parts = Math.ceil(separation(last, next) / LONGEST);
      for (let j = 1; j < parts; j++) places.push(...between(last, next, j / parts));
      places.push(...next);
      last = next;
    }
    from[i + 1] = places.length / 3;
  }
  return { count: n, xyz: Float64Array.from(places), from, row: row.slice(), paint: paint.slice() };
}

function between(a, b, t) {
  const angle = separation(a, b);
  const [p, q] = [Math.sin((1 - t) * angle), Math.sin(t * angle)];
  return normal([a[0] * p + b[0] * q, a[1] * p + b[1] * q, a[2] * p + b[2] * q]);
}

export const NO_OUTLINES = readOutlines(new ArrayBuffer(12));

export class LineLayer {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.canvas.className = "lines";
    this.canvas.setAttribute("aria-hidden", "true");
    this.outlines = NO_OUTLINES;
    this.marked = new Set();
    this.shown = true;
    this.opacity = 0.8;
    this.colours = Array.from({ length: PAINTS }, () => [0.5, 0.7, 1]);
    this.chosenColour = [1, 0.62, 0.18];
    this.gl = this.canvas.getContext("webgl2", { antialias: true, premultipliedAlpha: true });
    this.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.#prepare();
      this.load(this.outlines);
      this.mark(this.marked);
    });
    this.#prepare();
  }

  #prepare() {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, projecting(lineShader)], [gl.FRAGMENT_SHADER, strokeShader]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`the outlines cannot be drawn: ${gl.getProgramInfoLog(program)}`);
    }
    this.program = program;
    const places = new Map();
    this.at = (name) => {
      if (!places.has(name)) places.set(name, gl.getUniformLocation(program, name));
      return places.get(name);
    };
    this.buffers = Array.from({ length: 5 }, () => gl.createBuffer());
    for (let place = 0; place < 4; place++) gl.enableVertexAttribArray(place);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  load(outlines) {
    const gl = this.gl;
    this.outlines = outlines;
    this.placed = null;
    const { xyz, from, paint, count } = outlines;
    const hi = Float32Array.from(xyz);
    const lo = new Float32Array(hi.length);
    for (let i = 0; i < xyz.length; i++) lo[i] = xyz[i] - hi[i];
    [hi, lo].forEach((values, place) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[place]);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
      gl.vertexAttribPointer(place, 3, gl.FLOAT, false, 0, 0);
    });
    const paints = new Uint8Array(xyz.length / 3);
    const ends = new Uint32Array(2 * (xyz.length / 3 - count));
    let at = 0;
    for (let i = 0; i < count; i++) {
      paints.fill(Math.min(paint[i], PAINTS - 1), from[i], from[i + 1]);
      for (let k = from[i]; k < from[i + 1] - 1; k++) {
        ends[at++] = k;
        ends[at++] = k + 1;
      }
    }
    this.ends = ends.length;
    this.#bytes(2, paints);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers[4]);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, ends, gl.STATIC_DRAW);
    this.mark(this.marked);
  }

  // The rows that are marked: theirs are drawn last, wider and in one colour.
  mark(rows) {
    this.marked = rows;
    const { from, row, count, xyz } = this.outlines;
    const chosen = new Uint8Array(xyz.length / 3);
    this.anyMarked = false;
    for (let i = 0; i < count; i++) {
      if (!rows.has(row[i])) continue;
      this.anyMarked = true;
      chosen.fill(1, from[i], from[i + 1]);
    }
    this.#bytes(3, chosen);
  }

  #bytes(place, values) {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[place]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    gl.vertexAttribPointer(place, 1, gl.UNSIGNED_BYTE, false, 0, 0);
  }

  draw(view) {
    const gl = this.gl;
    const ratio = clearFor(gl, view);
    if (!this.ends || !this.shown) return;
    gl.useProgram(this.program);
    tellView(gl, this.at, view);
    gl.uniform3fv(this.at("colours"), this.colours.flat());
    gl.uniform3fv(this.at("chosenColour"), this.chosenColour);
    for (const chosen of this.anyMarked ? [0, 1] : [0]) {
      gl.uniform1f(this.at("wanted"), chosen);
      gl.uniform1f(this.at("opacity"), chosen ? 1 : this.opacity);
      for (const [x, y] of chosen || ratio > 1.5 ? WIDE : ONE) {
        gl.uniform2f(this.at("shift"), (2 * x) / view.width, (2 * y) / view.height);
        gl.drawElements(gl.LINES, this.ends, gl.UNSIGNED_INT, 0);
      }
    }
  }

  // RGBA at a CSS pixel of the view, for tests.
  colourAt(view, x, y) {
    this.draw(view);
    return colourOf(this.gl, x, y);
  }

  // The circle {ra, dec, radius} in degrees around all outlines, or null.
  bounds() {
    const { xyz } = this.outlines;
    return enclosing(xyz.length / 3, (i) => [xyz[3 * i], xyz[3 * i + 1], xyz[3 * i + 2]]);
  }

  // Pixels of all corners and the box of each outline, kept until the view changes.
  #places(view) {
    if (this.placed?.view === view) return this.placed;
    const { xyz, from, count } = this.outlines;
    const at = new Float64Array((2 * xyz.length) / 3);
    const boxes = new Float64Array(4 * count);
    const out = [0, 0];
    for (let i = 0; i < count; i++) {
      let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
      for (let k = from[i]; k < from[i + 1]; k++) {
        const seen = project(view, xyz[3 * k], xyz[3 * k + 1], xyz[3 * k + 2], out);
        const [x, y] = seen ? out : [NaN, NaN];
        at[2 * k] = x;
        at[2 * k + 1] = y;
        // An outline that is partly behind the view, or around its back, has no inside on the screen.
        [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
      }
      boxes.set([x0, y0, x1, y1], 4 * i);
    }
    this.placed = { view, at, boxes };
    return this.placed;
  }

  // Numbers of the outlines at a pixel, the best first: those whose edge is within `reach`, then those around it, the
  // smallest first.
  pick(view, px, py, reach = 4) {
    if (!this.shown) return [];
    const { at, boxes } = this.#places(view);
    const { from, count } = this.outlines;
    const found = [];
    for (let i = 0; i < count; i++) {
      const [x0, y0, x1, y1] = boxes.subarray(4 * i, 4 * i + 4);
      if (!(px >= x0 - reach && px <= x1 + reach && py >= y0 - reach && py <= y1 + reach)) continue;
      if (x1 - x0 > 4 * view.width) continue;
      let [near, inside] = [Infinity, false];
      for (let k = from[i]; k < from[i + 1] - 1; k++) {
        const [ax, ay, bx, by] = [at[2 * k], at[2 * k + 1], at[2 * k + 2], at[2 * k + 3]];
        near = Math.min(near, awayFrom(ax, ay, bx, by, px, py));
        if (ay > py !== by > py && px < ((bx - ax) * (py - ay)) / (by - ay) + ax) inside = !inside;
      }
      if (near <= reach || inside) found.push({ i, near: near <= reach ? near : Infinity, size: (x1 - x0) * (y1 - y0) });
    }
    return found.sort((a, b) => (a.near === b.near ? a.size - b.size : a.near - b.near)).map(({ i }) => i);
  }

  // The outlines of one row as an SVG path on the view; "" when none is in front.
  path(view, wanted) {
    const { xyz, from, row, count } = this.outlines;
    const out = [0, 0];
    let path = "";
    for (let i = 0; i < count; i++) {
      if (row[i] !== wanted) continue;
      let last = null;
      for (let k = from[i]; k < from[i + 1]; k++) {
        const seen = project(view, xyz[3 * k], xyz[3 * k + 1], xyz[3 * k + 2], out);
        const joined = last !== null && seen && Math.abs(out[0] - last) < view.scale;
        if (seen) path += `${joined ? "L" : "M"}${out[0].toFixed(1)} ${out[1].toFixed(1)}`;
        last = seen ? out[0] : null;
      }
    }
    return path;
  }
}

function awayFrom(ax, ay, bx, by, px, py) {
  const [dx, dy] = [bx - ax, by - ay];
  const t = Math.max(0, Math.min(1, ((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy || 1)));
  const away = Math.hypot(ax + t * dx - px, ay + t * dy - py);
  return Number.isNaN(away) ? Infinity : away;
}

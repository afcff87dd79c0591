// The catalogue layer of the sky view: positions as they come from the server, drawn by WebGL2, picked in doubles.
import dotShader from "./dots.glsl";
import pointShader from "./points.glsl";
import { project, projecting, tellView } from "./projection.js";
import { enclosing, unit } from "../parts/sphere.js";

const ROW_BYTES = 8 + 8 + 4 + 1;
const LEAST_DIAMETER = 1.6;
const MOST_DIAMETER = 9;

// Reads uint32 n, uint32 0, float64 ra[n], dec[n], uint32 row[n], uint8 selected[n], all little-endian.
// Selected positions come last, so that they are drawn on top. Positions that are not numbers stay out.
export function readPoints(buffer) {
  if (buffer.byteLength < 8) throw new Error("the positions ended too early");
  const n = new DataView(buffer).getUint32(0, true);
  if (buffer.byteLength !== 8 + n * ROW_BYTES) throw new Error("the positions have the wrong length");
  const ra = new Float64Array(buffer, 8, n);
  const dec = new Float64Array(buffer, 8 + 8 * n, n);
  const rows = new Uint32Array(buffer, 8 + 16 * n, n);
  const chosen = new Uint8Array(buffer, 8 + 20 * n, n);
  const order = new Uint32Array(n);
  let count = 0;
  for (const wanted of [0, 1]) {
    for (let i = 0; i < n; i++) {
      if (Number(chosen[i] !== 0) === wanted && Math.abs(dec[i]) <= 90 && Number.isFinite(ra[i])) order[count++] = i;
    }
  }
  const found = {
    count,
    xyz: new Float64Array(3 * count),
    row: new Uint32Array(count),
    chosen: new Uint8Array(count),
    missing: n - count,
  };
  for (let k = 0; k < count; k++) {
    const i = order[k];
    found.xyz.set(unit(ra[i], dec[i]), 3 * k);
    found.row[k] = rows[i];
    found.chosen[k] = chosen[i] ? 1 : 0;
  }
  return found;
}

export const NO_POINTS = readPoints(new ArrayBuffer(8));

function compile(gl, type, source) {
  const shader = gl.createShader(type);
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  return shader;
}

export class PointLayer {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.canvas.className = "points";
    this.canvas.setAttribute("aria-hidden", "true");
    this.points = NO_POINTS;
    this.inView = 0;
    this.colours = { point: [0.4, 0.7, 1], selected: [1, 0.62, 0.18] };
    this.gl = this.canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true });
    this.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.#prepare();
      this.load(this.points);
    });
    this.#prepare();
  }

  #prepare() {
    const gl = this.gl;
    const program = gl.createProgram();
    gl.attachShader(program, compile(gl, gl.VERTEX_SHADER, projecting(pointShader)));
    gl.attachShader(program, compile(gl, gl.FRAGMENT_SHADER, dotShader));
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`the marks cannot be drawn: ${gl.getProgramInfoLog(program)}`);
    }
    this.program = program;
    const places = new Map();
    this.at = (name) => {
      if (!places.has(name)) places.set(name, gl.getUniformLocation(program, name));
      return places.get(name);
    };
    this.buffers = [gl.createBuffer(), gl.createBuffer(), gl.createBuffer()];
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  load(points) {
    const gl = this.gl;
    this.points = points;
    const hi = Float32Array.from(points.xyz);
    const lo = new Float32Array(hi.length);
    for (let i = 0; i < hi.length; i++) lo[i] = points.xyz[i] - hi[i];
    [hi, lo, points.chosen].forEach((values, place) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[place]);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(place);
      if (place < 2) gl.vertexAttribPointer(place, 3, gl.FLOAT, false, 0, 0);
      else gl.vertexAttribPointer(place, 1, gl.UNSIGNED_BYTE, false, 0, 0);
    });
  }

  // How many marks lie in the view: sets their size, and is told to screen readers.
  countIn(view) {
    let seen = 0;
    this.#each(view, (k, x, y) => {
      if (x >= 0 && y >= 0 && x <= view.width && y <= view.height) seen++;
    });
    this.inView = seen;
    return seen;
  }

  // Diameter in CSS pixels: open circles while they do not hide each other, ever finer dots when they are many.
  diameter(view) {
    const room = Math.sqrt((view.width * view.height) / Math.max(1, this.inView));
    return Math.max(LEAST_DIAMETER, Math.min(MOST_DIAMETER, 0.9 * room));
  }

  draw(view) {
    const gl = this.gl;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
      this.canvas.style.width = `${view.width}px`;
      this.canvas.style.height = `${view.height}px`;
    }
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.points.count) return;
    gl.useProgram(this.program);
    tellView(gl, this.at, view);
    const diameter = this.diameter(view);
    gl.uniform1f(this.at("size"), diameter * ratio);
    gl.uniform1f(this.at("line"), 1.3 * ratio);
    gl.uniform1f(this.at("opacity"), Math.min(0.95, 0.4 + diameter / 8));
    gl.uniform3fv(this.at("colour"), this.colours.point);
    gl.uniform3fv(this.at("chosenColour"), this.colours.selected);
    gl.drawArrays(gl.POINTS, 0, this.points.count);
  }

  // The row nearest to a pixel, within `reach` CSS pixels, or -1. The last of equals wins: it is drawn on top.
  pick(view, px, py, reach = 8) {
    let best = -1;
    let least = reach * reach;
    this.#each(view, (k, x, y) => {
      const away = (x - px) ** 2 + (y - py) ** 2;
      if (away <= least) [least, best] = [away, k];
    });
    return best < 0 ? -1 : this.points.row[best];
  }

  // RGBA of the marks at a CSS pixel of the view, 0..255: for tests, the canvas keeps nothing between frames.
  colourAt(view, x, y) {
    this.draw(view);
    const ratio = window.devicePixelRatio || 1;
    const out = new Uint8Array(4);
    const row = this.canvas.height - 1 - Math.floor(y * ratio);
    this.gl.readPixels(Math.floor(x * ratio), row, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, out);
    return [...out];
  }

  // The circle {ra, dec, radius} in degrees around all positions, or null.
  bounds() {
    const { xyz, count } = this.points;
    return enclosing(count, (i) => [xyz[3 * i], xyz[3 * i + 1], xyz[3 * i + 2]]);
  }

  #each(view, run) {
    const { xyz, count } = this.points;
    const out = [0, 0];
    for (let k = 0; k < count; k++) {
      if (project(view, xyz[3 * k], xyz[3 * k + 1], xyz[3 * k + 2], out)) run(k, out[0], out[1]);
    }
  }
}

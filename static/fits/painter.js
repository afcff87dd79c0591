// WebGL2 of the FITS viewer: one context, all cells drawn into one canvas.
import cover from "./cover.glsl";
import { texels } from "./colours.js";
import { Pool } from "./pool.js";
import shade from "./shade.glsl";

export const STRETCHES = ["linear", "log", "sqrt", "squared", "asinh", "power", "histogram"];
const ATTRIBUTES = { antialias: false, alpha: false, depth: false, powerPreference: "low-power" };
// Units of the textures.
const [VALUES, MASKS, TABLE, MESH, LADDER, MAP] = [0, 1, 2, 5, 8, 9];

function compile(gl, type, source) {
  const shader = gl.createShader(type);
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  return shader;
}

// The lower left corner of a mesh, and the ways from there to the lower right and the upper left one.
export function frameOf({ n, points }) {
  const corner = (i) => [points[2 * i], points[2 * i + 1]];
  const [from, right, above] = [corner(0), corner(n - 1), corner(n * (n - 1))];
  return [from, right.map((x, i) => x - from[i]), above.map((x, i) => x - from[i])];
}

export class Painter {
  tiled = true; // what is drawn here is made of tiles
  waiting = false;

  // Whether a canvas can be drawn on by this class.
  static offered(canvas) {
    return Boolean(canvas.getContext("webgl2", ATTRIBUTES));
  }

  // Throws an Error with a text for the user when the browser has no WebGL2. `restored()` when a lost context is back.
  constructor(canvas, restored) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl2", ATTRIBUTES);
    if (!this.gl) throw new Error("This browser offers no WebGL2, which drawing images needs.");
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      if (this.closed) return;
      this.#prepare();
      restored();
    });
    this.#prepare();
  }

  #prepare() {
    const { gl } = this;
    this.programs = new Map();
    this.program = null;
    this.values = new Pool(gl, false);
    this.masks = new Pool(gl, true);
    this.textures = Array.from({ length: MAP + 1 }, () => null);
    this.map = "";
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
    gl.enable(gl.SCISSOR_TEST);
    this.#use(1, false, false); // what cannot be compiled is said at once
  }

  // The program for a number of images, made when first needed: what a picture does not have costs it nothing.
  #use(images, masked, warped) {
    const { gl, programs } = this;
    const key = `${images} ${masked} ${warped}`;
    if (!programs.has(key)) programs.set(key, this.#compile(images, masked, warped));
    const { program, at } = programs.get(key);
    if (this.program !== program) gl.useProgram(program);
    this.program = program;
    return at;
  }

  #compile(images, masked, warped) {
    const { gl } = this;
    const names = [`IMAGES ${images}`, ...(masked ? ["MASKED"] : []), ...(warped ? ["WARPED"] : [])];
    const [version, ...lines] = shade.split("\n");
    const text = [version, ...names.map((name) => `#define ${name}`), ...lines].join("\n");
    const program = gl.createProgram();
    gl.attachShader(program, compile(gl, gl.VERTEX_SHADER, cover));
    gl.attachShader(program, compile(gl, gl.FRAGMENT_SHADER, text));
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      const shaders = gl.getAttachedShaders(program).map((one) => gl.getShaderInfoLog(one));
      throw new Error(`Images cannot be drawn here: ${[gl.getProgramInfoLog(program), ...shaders].join(" ")}`);
    }
    const places = new Map();
    const at = (name) => {
      if (!places.has(name)) places.set(name, gl.getUniformLocation(program, name));
      return places.get(name);
    };
    gl.useProgram(program);
    this.program = program;
    const units = { values: VALUES, masks: MASKS, ladder: LADDER, map: MAP };
    for (const k of [0, 1, 2]) Object.assign(units, { [`table${k}`]: TABLE + k, [`mesh${k}`]: MESH + k });
    for (const [name, unit] of Object.entries(units)) gl.uniform1i(at(name), unit);
    return { program, at };
  }

  // A texture of its own for a unit, filled anew.
  #fill(unit, inner, width, height, form, type, data) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    if (!this.textures[unit]) {
      this.textures[unit] = gl.createTexture();
      gl.bindTexture(gl.TEXTURE_2D, this.textures[unit]);
      for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
      for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
    }
    gl.bindTexture(gl.TEXTURE_2D, this.textures[unit]);
    gl.texImage2D(gl.TEXTURE_2D, 0, inner, width, height, 0, form, type, data);
  }

  get lost() {
    return this.gl.isContextLost();
  }

  // Begins a picture of `width` x `height` device pixels on a plain `stage` ([r, g, b] in 0..1).
  begin(width, height, stage) {
    const { gl, canvas } = this;
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    gl.viewport(0, 0, width, height);
    gl.scissor(0, 0, width, height);
    gl.clearColor(...stage, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.stage = stage;
    this.values.begin();
    this.masks.begin();
  }

  // One cell. `box`: left, bottom, width, height in device pixels. `parts`: for each image {image, table: {width,
  // height, data: Int32Array of value and mask entries}, mesh: {n, points}, shape: [nx, ny, level], warped, shown,
  // planes}; one is shown as it is, of two the difference, of three the colours. `look`: {cuts, stretch, ladder, bend,
  // map, invert, sky, weight, lupton, empty, leader: id of the image whose pixels the view speaks of, lead: its {n,
  // points}}.
  cell(box, parts, look) {
    const { gl } = this;
    const at = this.#use(parts.length, parts.some(({ shown }) => shown), parts.some(({ warped }) => warped));
    gl.viewport(...box);
    gl.scissor(...box);
    parts.forEach(({ table, mesh, shape, warped, shown, planes }, k) => {
      this.#fill(TABLE + k, gl.RG32I, table.width, table.height, gl.RG_INTEGER, gl.INT, table.data);
      if (warped) this.#fill(MESH + k, gl.RG32F, mesh.n, mesh.n, gl.RG, gl.FLOAT, mesh.points);
      const [from, across, up] = frameOf(mesh);
      gl.uniform2fv(at(`from[${k}]`), from);
      gl.uniform2fv(at(`across[${k}]`), across);
      gl.uniform2fv(at(`up[${k}]`), up);
      gl.uniform3iv(at(`shape[${k}]`), shape);
      gl.uniform1i(at(`warped[${k}]`), Number(warped));
      gl.uniform1i(at(`shown[${k}]`), shown);
      if (shown) gl.uniform4fv(at(`planes[${32 * k}]`), planes);
    });
    const [from, across, up] = frameOf(look.lead);
    gl.uniform2fv(at("leadFrom"), from);
    gl.uniform2fv(at("leadAcross"), across);
    gl.uniform2fv(at("leadUp"), up);
    gl.activeTexture(gl.TEXTURE0 + VALUES);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.values.texture);
    gl.activeTexture(gl.TEXTURE0 + MASKS);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.masks.texture);
    const ladder = look.ladder ?? new Float32Array([0, 1]);
    this.#fill(LADDER, gl.R32F, ladder.length, 1, gl.RED, gl.FLOAT, ladder);
    if (this.map !== look.map) this.#fill(MAP, gl.RGBA8, 256, 1, gl.RGBA, gl.UNSIGNED_BYTE, texels((this.map = look.map)));
    gl.uniform3fv(at("stage"), this.stage);
    gl.uniform2fv(at("cuts"), look.cuts);
    gl.uniform1i(at("stretch"), STRETCHES.indexOf(look.stretch));
    gl.uniform2fv(at("bend"), look.bend);
    gl.uniform1i(at("invert"), Number(look.invert));
    gl.uniform3fv(at("sky"), look.sky);
    gl.uniform3fv(at("weight"), look.weight);
    gl.uniform2fv(at("lupton"), look.lupton);
    gl.uniform3fv(at("empty"), look.empty);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  // RGBA, 0..255, of device pixels counted from the upper left, row by row from the lowest; right after a picture
  // was drawn.
  read(x, y, width = 1, height = 1) {
    const out = new Uint8Array(4 * width * height);
    const { gl } = this;
    gl.readPixels(x, this.canvas.height - y - height, width, height, gl.RGBA, gl.UNSIGNED_BYTE, out);
    return out;
  }

  // Gives the context back at once: a page has 16 of them, and the browser takes its time.
  close() {
    this.closed = true;
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
    this.canvas.width = this.canvas.height = 1;
  }
}

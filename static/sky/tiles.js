// The density of one catalogue: tiles of row counts from our server, drawn as a mesh each, read bin by bin.
import { buffer, directionBuffers, texture, vertexArray } from "./gl.js";
import { direction, nested, placeOf, tilesIn } from "./healpix.js";
import { project, tellView } from "./projection.js";
import { separation } from "../parts/sphere.js";

const BITS = 8; // a tile has 2 ** BITS bins on a side
const WIDTH = 2 ** BITS;
const BIN = 1.5; // CSS pixels of a bin, up to twice as many
const MAX_ORDER = 14;
const CELL = Math.sqrt(Math.PI / 3); // radians: side of a base face, as the root of its area
const KEPT = 80; // tiles held: 1 MB each on the graphics card
const COARSE = 3; // below this order the sky is curved within a tile
const BLOCK = 2880;

// The planes of a FITS file of portal/sky/tilefile.py by name, as arrays of numbers. Throws an Error for any other.
export function readTile(bytes) {
  const text = new TextDecoder("latin1");
  const planes = {};
  for (let at = 0; at < bytes.byteLength; ) {
    const head = text.decode(new Uint8Array(bytes, at, Math.min(BLOCK, bytes.byteLength - at)));
    const card = (name) => new RegExp(`${name.padEnd(8)}= *'?([^ '/]+)`).exec(head)?.[1];
    const bitpix = Number(card("BITPIX"));
    if (!/^(SIMPLE|XTENSION)/.test(head) || Math.abs(bitpix) !== 32 || Number(card("NAXIS1")) !== WIDTH) {
      throw new Error("a tile of the density is not one");
    }
    const view = new DataView(bytes, at + BLOCK, 4 * WIDTH * WIDTH);
    const values = bitpix > 0 ? new Int32Array(WIDTH * WIDTH) : new Float32Array(WIDTH * WIDTH);
    for (let i = 0; i < values.length; i++) values[i] = bitpix > 0 ? view.getInt32(4 * i) : view.getFloat32(4 * i);
    planes[card("EXTNAME") ?? "COUNT"] = values;
    at += BLOCK + Math.ceil((4 * WIDTH * WIDTH) / BLOCK) * BLOCK;
  }
  return planes;
}

// Angle (radians) from the middle of a view to its farthest corner; PI when a corner lies beside the sky.
export function reachOf(view, worldUnit) {
  const corners = [[0, 0], [view.width, 0], [0, view.height], [view.width, view.height]];
  const away = corners.map(([x, y]) => {
    const there = worldUnit(x, y);
    return there ? separation(view.centre, there) : Math.PI;
  });
  return view.fov >= 150 ? Math.PI : Math.max(...away);
}

export class Tiles {
  // `address(order, npix)` is where a tile comes from; `changed()` is called when there is more to draw, `failed(text)`.
  constructor(gl, address, changed, failed) {
    Object.assign(this, { gl, address, changed, failed });
    this.held = new Map();
    this.shown = [];
    this.wanted = [];
    this.most = 1;
    this.fresh = true; // what is drawn is of the present rows
    this.request = new AbortController();
  }

  // Other rows: what is drawn stays until the tiles of the new ones are here.
  renew() {
    this.request.abort();
    this.request = new AbortController();
    for (const tile of this.held.values()) if (!this.shown.includes(tile)) this.#free(tile);
    this.held = new Map();
    this.wanted = [];
    this.fresh = false;
  }

  // Asks for the tiles of a view; those it has are drawn at once where their bins are of the same size.
  want(view, radius) {
    const order = Math.floor(Math.log2((CELL * view.scale) / (WIDTH * BIN)));
    const out = [0, 0];
    const near = ([x, y, z], reach) => {
      if (!project(view, x, y, z, out)) return radius > 1.5;
      const room = 2 * reach * view.scale;
      return radius > 1 || (out[0] > -room && out[1] > -room && out[0] < view.width + room && out[1] < view.height + room);
    };
    this.wanted = tilesIn(view.centre, radius, Math.max(0, Math.min(MAX_ORDER, order)), near).map((spot) => {
      const key = `${spot.order}/${spot.npix}`;
      const tile = this.held.get(key) ?? { ...spot, state: "" };
      this.held.delete(key);
      this.held.set(key, tile); // the latest used last
      if (tile.state === "") this.#fetch(tile);
      return tile;
    });
    this.#trim();
    this.#swap();
  }

  get busy() {
    return this.wanted.some((tile) => tile.state === "coming");
  }

  async #fetch(tile) {
    tile.state = "coming";
    const { signal } = this.request;
    try {
      const answer = await fetch(this.address(tile.order, tile.npix), { signal });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const planes = readTile(await answer.arrayBuffer());
      if (signal.aborted) return;
      this.#take(tile, planes);
      tile.state = "here";
    } catch (error) {
      if (signal.aborted) return;
      tile.state = "";
      this.held.delete(`${tile.order}/${tile.npix}`);
      this.failed(error.message);
    }
    this.#swap();
    this.changed();
  }

  #take(tile, { COUNT, MARKED = null, VALUE = null }) {
    Object.assign(tile, { count: COUNT, marked: MARKED, value: VALUE, most: 0 });
    for (const n of COUNT) if (n > tile.most) tile.most = n;
    if (!tile.most) return; // nothing to draw
    const texels = new Float32Array(4 * COUNT.length);
    for (let i = 0; i < COUNT.length; i++) {
      texels[4 * i] = COUNT[i];
      if (MARKED) texels[4 * i + 1] = MARKED[i];
      texels[4 * i + 2] = VALUE && Number.isFinite(VALUE[i]) ? VALUE[i] : -3.4e38;
    }
    tile.texture = texture(this.gl, WIDTH, WIDTH, texels);
  }

  // The set that is drawn: the one wanted once it is whole, or as far as it is here when its bins are as large as before.
  #swap() {
    const here = this.wanted.filter((tile) => tile.state === "here");
    const same = this.fresh && this.shown[0]?.order === this.wanted[0]?.order;
    if (here.length < this.wanted.length && !same) return;
    if (!this.fresh) this.shown.forEach((tile) => this.#free(tile));
    this.fresh = true;
    this.shown = here;
    this.most = here.reduce((most, tile) => Math.max(most, tile.most), 1);
  }

  #trim() {
    for (const [key, tile] of this.held) {
      if (this.held.size <= KEPT) return;
      if (this.wanted.includes(tile) || this.shown.includes(tile)) continue;
      this.#free(tile);
      this.held.delete(key);
    }
  }

  #free(tile) {
    if (tile.texture) this.gl.deleteTexture(tile.texture);
    tile.mesh?.free();
    [tile.texture, tile.mesh] = [null, null];
  }

  clear() {
    this.renew();
    this.shown.forEach((tile) => this.#free(tile));
    this.shown = [];
  }

  draw(view, { made, at }, look) {
    const gl = this.gl;
    const full = this.shown.filter((tile) => tile.texture);
    if (!full.length) return;
    gl.useProgram(made);
    tellView(gl, at, view);
    gl.uniform1i(at("bins"), 0);
    gl.uniform1i(at("map"), 1);
    gl.uniform1f(at("most"), this.most);
    gl.uniform1i(at("valued"), full.some((tile) => tile.value) ? look.valued : 0);
    gl.uniform1f(at("low"), look.low);
    gl.uniform1f(at("span"), look.span);
    gl.uniform3fv(at("chosenColour"), look.chosen);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, look.valued ? look.map : look.shades);
    gl.activeTexture(gl.TEXTURE0);
    for (const tile of full) {
      tile.mesh ??= mesh(gl, tile);
      const reach = (3 * CELL * view.scale) / (2 ** tile.order * tile.mesh.cells);
      gl.uniform2f(at("cell"), Math.max(0.02, (2 * reach) / view.width), Math.max(0.02, (2 * reach) / view.height));
      gl.bindTexture(gl.TEXTURE_2D, tile.texture);
      gl.bindVertexArray(tile.mesh.array);
      gl.drawElements(gl.TRIANGLES, 6 * tile.mesh.cells ** 2, gl.UNSIGNED_SHORT, 0);
    }
    gl.bindVertexArray(null);
  }

  // The bin under a direction: {count, marked, value, order}, or null where nothing is drawn.
  at(towards) {
    const [face, x, y] = placeOf(towards);
    const order = this.shown[0]?.order;
    if (order === undefined) return null;
    const side = 2 ** order;
    const [column, row] = [Math.min(side - 1, Math.floor(x * side)), Math.min(side - 1, Math.floor(y * side))];
    const npix = nested(face, column, row, order);
    const tile = this.shown.find((one) => one.npix === npix);
    if (!tile) return null;
    const inside = (value, whole) => Math.min(WIDTH - 1, Math.floor((value * side - whole) * WIDTH));
    const place = (WIDTH - 1 - inside(x, column)) * WIDTH + inside(y, row);
    const { count, marked, value } = tile;
    return { count: count[place], marked: marked?.[place] ?? 0, value: value?.[place] ?? null, order };
  }
}

// A grid over a tile: fine where the sky is curved within it.
function mesh(gl, { order, face, x, y }) {
  const cells = order < COARSE ? 32 : 8;
  const side = 2 ** order;
  const points = (cells + 1) ** 2;
  const [xyz, places] = [new Float64Array(3 * points), new Float32Array(2 * points)];
  let k = 0;
  for (let i = 0; i <= cells; i++) {
    for (let j = 0; j <= cells; j++, k++) {
      xyz.set(direction(face, (x + i / cells) / side, (y + j / cells) / side), 3 * k);
      places.set([j / cells, 1 - i / cells], 2 * k); // columns count y, rows from the lowest count x down
    }
  }
  const corners = new Uint16Array(6 * cells ** 2);
  for (let i = 0, at = 0; i < cells; i++) {
    for (let j = 0; j < cells; j++, at += 6) {
      const a = i * (cells + 1) + j;
      const b = a + cells + 1;
      corners.set([a, a + 1, b, b, a + 1, b + 1], at);
    }
  }
  const [hi, lo] = directionBuffers(gl, xyz);
  const spots = buffer(gl, places);
  const elements = buffer(gl, corners, gl.ELEMENT_ARRAY_BUFFER);
  const array = vertexArray(gl, [[hi, 3], [lo, 3], [spots, 2]], elements);
  const free = () => {
    gl.deleteVertexArray(array);
    for (const one of [hi, lo, spots, elements]) gl.deleteBuffer(one);
  };
  return { array, cells, free };
}

// The graphics memory of the FITS viewer: tiles as layers of one array texture, the least used giving way.
import { TILE } from "./tiles.js";

const FIRST = 4; // layers to begin with; a layer is 1 MiB
export const MOST_LAYERS = 160;

export class Pool {
  constructor(gl, whole) {
    this.gl = gl;
    this.whole = whole; // whole numbers (masks) or float values
    this.layers = []; // what lies where: {key, tile, tick}
    this.places = new Map();
    this.tick = 0;
    this.most = MOST_LAYERS;
    this.#make(whole ? 1 : FIRST); // masks are shown when asked for
  }

  #make(size) {
    const { gl, whole } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, whole ? gl.R32I : gl.R32F, TILE, TILE, size);
    if (gl.getError() === gl.OUT_OF_MEMORY && this.texture) {
      gl.deleteTexture(texture);
      this.most = this.size;
      return;
    }
    gl.deleteTexture(this.texture ?? null);
    Object.assign(this, { size, texture });
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
      gl.texParameteri(gl.TEXTURE_2D_ARRAY, name, gl.NEAREST);
    }
    this.layers.forEach(({ tile }, place) => this.#load(tile, place));
  }

  #load({ width, height, data }, place) {
    const { gl, whole } = this;
    const [form, type] = whole ? [gl.RED_INTEGER, gl.INT] : [gl.RED, gl.FLOAT];
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture);
    gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, place, width, height, 1, form, type, data);
  }

  // Begins a picture: what it uses is not overwritten before the next.
  begin() {
    this.tick++;
  }

  // The layer that holds a tile, -1 when the picture has used them all.
  layerOf(key, tile) {
    let place = this.places.get(key);
    if (place === undefined || this.layers[place].tile !== tile) {
      place = this.#room();
      if (place < 0) return -1;
      if (this.layers[place]) this.places.delete(this.layers[place].key);
      this.layers[place] = { key, tile };
      this.places.set(key, place);
      this.#load(tile, place);
    }
    this.layers[place].tick = this.tick;
    return place;
  }

  #room() {
    if (this.layers.length < this.size) return this.layers.length;
    let oldest = -1;
    this.layers.forEach(({ tick }, place) => {
      if (tick < this.tick && (oldest < 0 || tick < this.layers[oldest].tick)) oldest = place;
    });
    if (oldest >= 0 && this.layers.length >= MOST_LAYERS / 2) return oldest;
    if (this.size < this.most) this.#make(Math.min(this.most, 2 * this.size));
    return this.layers.length < this.size ? this.layers.length : oldest;
  }
}

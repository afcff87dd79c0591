// Tiles of images as they come from the server: asked for in the order of need, kept until room is wanted.

export const TILE = 512;
export const NO_VALUE = 3.4028234663852886e38; // in place of NaN, which graphics drivers treat as they like
const AT_ONCE = 6; // what a browser allows one host
const MOST = 192; // tiles kept: 192 MiB
const TRIES = 3;

export const tileKey = (frame, plane, level, x, y) => `${frame.id}/${frame.serial}/${plane}/${level}/${x}/${y}`;

export class Tiles {
  // `arrived()` is called when there is something new to draw.
  constructor(arrived) {
    this.arrived = arrived;
    this.kept = new Map(); // in the order of last use
    this.under = new Map(); // key -> AbortController
    this.failed = new Map(); // key -> times
    this.wanted = [];
  }

  // The tile, or undefined; it is then the last to be dropped.
  get(key) {
    const tile = this.kept.get(key);
    if (tile) {
      this.kept.delete(key);
      this.kept.set(key, tile);
    }
    return tile;
  }

  has(key) {
    return this.kept.has(key);
  }

  // What the picture needs now, most urgent first: {key, frame, plane, level, x, y}. Requests for other tiles end.
  want(list) {
    this.wanted = list;
    const keys = new Set(list.map((one) => one.key));
    for (const [key, request] of this.under) if (!keys.has(key)) request.abort();
    this.#next();
  }

  get waiting() {
    return this.under.size > 0;
  }

  #next() {
    for (const one of this.wanted) {
      if (this.under.size >= AT_ONCE) return;
      const kept = this.kept.get(one.key);
      if ((kept && !kept.quick) || this.under.has(one.key) || (this.failed.get(one.key) ?? 0) >= TRIES) continue;
      this.#fetch(one);
    }
  }

  async #fetch(one) {
    const { key, frame, plane, level, x, y } = one;
    const request = new AbortController();
    this.under.set(key, request);
    // Of a compressed image some rows make a first picture; the means of all pixels take its place once they are there.
    const quick = plane === "image" && frame.meta.quick && level === frame.meta.levels - 1 && !this.kept.has(key);
    try {
      const asked = { plane, level, x, y, ...(quick ? { quick: 1 } : {}) };
      const answer = await fetch(frame.ask("tile", asked), { signal: request.signal });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      this.#keep(key, { ...readTile(await answer.arrayBuffer(), frame, plane, level, x, y), quick });
    } catch (error) {
      if (!request.signal.aborted) {
        this.failed.set(key, (this.failed.get(key) ?? 0) + 1);
        if (this.failed.get(key) >= TRIES) frame.trouble(`A part of the image could not be loaded (${error.message}).`);
      }
    } finally {
      this.under.delete(key);
      this.#next();
      this.arrived();
    }
  }

  #keep(key, tile) {
    this.kept.set(key, tile);
    const needed = new Set(this.wanted.map((one) => one.key));
    for (const old of this.kept.keys()) {
      if (this.kept.size <= MOST) break;
      if (!needed.has(old)) this.kept.delete(old);
    }
  }

  // Forgets the tiles of all images but these.
  only(frames) {
    const stems = frames.map((frame) => `${frame.id}/${frame.serial}/`);
    const known = (key) => stems.some((stem) => key.startsWith(stem));
    for (const key of this.kept.keys()) if (!known(key)) this.kept.delete(key);
    for (const key of this.failed.keys()) if (!known(key)) this.failed.delete(key);
  }

  retry(frame) {
    for (const key of this.failed.keys()) if (key.startsWith(`${frame.id}/`)) this.failed.delete(key);
  }

  close() {
    this.wanted = [];
    for (const request of this.under.values()) request.abort();
    this.kept.clear();
  }
}

// How many pixels of `level` the side of an image with `n` pixels has.
export const sideAt = (n, level) => Math.ceil(n / 2 ** level);

function readTile(buffer, { nx, ny }, plane, level, x, y) {
  const width = Math.min(TILE, sideAt(nx, level) - x * TILE);
  const height = Math.min(TILE, sideAt(ny, level) - y * TILE);
  if (buffer.byteLength !== 4 * width * height) throw new Error("it has the wrong length");
  if (plane === "mask") return { width, height, data: new Int32Array(buffer) };
  const data = new Float32Array(buffer);
  for (let i = 0; i < data.length; i++) if (!(Math.abs(data[i]) < NO_VALUE)) data[i] = NO_VALUE;
  return { width, height, data };
}

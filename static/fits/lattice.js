// Image pixels to sky positions and back, through the lattice of positions that the server made with astropy.
import { radec } from "../parts/sphere.js";

const RAD = Math.PI / 180;
const CLOSE = 1e-7; // pixels: where the search for a pixel ends
const MOST_STEPS = 30;

// Pixels are 0-based with whole numbers at pixel centres; the lattice spans the outer edges of the image. Beyond
// them its outermost cells go on.
export class Lattice {
  constructor({ n, ra0, dec0, xi, eta }, nx, ny) {
    Object.assign(this, { n, ra0, dec0, nx, ny });
    this.xi = Float64Array.from(xi);
    this.eta = Float64Array.from(eta);
  }

  // [xi, eta, their slopes along x, along y]: arcsec east and north on the plane that touches the sky at ra0, dec0.
  #plane(x, y) {
    const { n, nx, ny, xi, eta } = this;
    const [stepX, stepY] = [(n - 1) / nx, (n - 1) / ny];
    const [u, v] = [(x + 0.5) * stepX, (y + 0.5) * stepY];
    const i = Math.max(0, Math.min(n - 2, Math.floor(u)));
    const j = Math.max(0, Math.min(n - 2, Math.floor(v)));
    const [a, b, k] = [u - i, v - j, j * n + i];
    const at = (grid) => {
      const [left, right] = [grid[k] + b * (grid[k + n] - grid[k]), grid[k + 1] + b * (grid[k + n + 1] - grid[k + 1])];
      const up = grid[k + n] - grid[k] + a * (grid[k + n + 1] - grid[k + n] - grid[k + 1] + grid[k]);
      return [left + a * (right - left), (right - left) * stepX, up * stepY];
    };
    const [e, ex, ey] = at(xi);
    const [f, fx, fy] = at(eta);
    return [e, f, ex, fx, ey, fy];
  }

  // [ra, dec] in ICRS degrees.
  sky(x, y) {
    const [e, f] = this.#plane(x, y);
    const [p, q, a, d] = [(e / 3600) * RAD, (f / 3600) * RAD, this.ra0 * RAD, this.dec0 * RAD];
    const inner = Math.cos(d) - q * Math.sin(d);
    return radec([
      inner * Math.cos(a) - p * Math.sin(a),
      inner * Math.sin(a) + p * Math.cos(a),
      Math.sin(d) + q * Math.cos(d),
    ]);
  }

  // [x, y], also outside the image; null for a place on the other side of the sky.
  pixel(ra, dec) {
    const [a, d, d0] = [(ra - this.ra0) * RAD, dec * RAD, this.dec0 * RAD];
    const depth = Math.sin(d) * Math.sin(d0) + Math.cos(d) * Math.cos(d0) * Math.cos(a);
    if (depth < 0.02) return null;
    const east = ((Math.cos(d) * Math.sin(a)) / depth / RAD) * 3600;
    const north = ((Math.sin(d) * Math.cos(d0) - Math.cos(d) * Math.sin(d0) * Math.cos(a)) / depth / RAD) * 3600;
    let [x, y] = [(this.nx - 1) / 2, (this.ny - 1) / 2];
    for (let step = 0; step < MOST_STEPS; step++) {
      const [e, f, ex, fx, ey, fy] = this.#plane(x, y);
      const whole = ex * fy - ey * fx;
      if (!whole) return null;
      const [de, df] = [east - e, north - f];
      const [dx, dy] = [(de * fy - df * ey) / whole, (df * ex - de * fx) / whole];
      x += dx;
      y += dy;
      if (Math.abs(dx) + Math.abs(dy) < CLOSE * (1 + Math.abs(x) + Math.abs(y))) return [x, y];
    }
    return Number.isFinite(x + y) ? [x, y] : null;
  }

  // Whether another image has the same pixels at the same places, as cutouts of one coadd in several bands have.
  same(other) {
    const alike = (name) => this[name] === other[name];
    if (this === other) return true;
    return ["n", "nx", "ny", "ra0", "dec0"].every(alike) && this.xi.every((x, i) => x === other.xi[i] && this.eta[i] === other.eta[i]);
  }

  // Where north and east point from a pixel, as [x, y] of pixels for one arcsec.
  compass(x = (this.nx - 1) / 2, y = (this.ny - 1) / 2) {
    const [, , ex, fx, ey, fy] = this.#plane(x, y);
    const whole = ex * fy - ey * fx || 1;
    return { north: [-ey / whole, ex / whole], east: [fy / whole, -fx / whole] };
  }

  // Arcsec a pixel in the middle.
  get scale() {
    const [, , ex, fx, ey, fy] = this.#plane((this.nx - 1) / 2, (this.ny - 1) / 2);
    return Math.sqrt(Math.abs(ex * fy - ey * fx));
  }
}

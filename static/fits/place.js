// How an image lies in its cell: a view of its own pixels, or, locked by WCS, through the sky of the leading image.

// Which pixel is in the middle, how large pixels are and how they are turned. Kept while the cell changes its size.
export class View {
  constructor() {
    Object.assign(this, { whole: true, centre: [0, 0], zoom: 1, turn: 0, mirror: false });
  }

  clone() {
    return Object.assign(new View(), this, { centre: [...this.centre] });
  }

  // Pixels of the image to CSS pixels from the upper left of a cell.
  screen(x, y, [width, height]) {
    const u = this.zoom * (x - this.centre[0]) * (this.mirror ? -1 : 1);
    const v = this.zoom * (y - this.centre[1]);
    const [cos, sin] = [Math.cos(this.turn), Math.sin(this.turn)];
    return [width / 2 + u * cos - v * sin, height / 2 - u * sin - v * cos];
  }

  image(px, py, [width, height]) {
    const [s, t] = [px - width / 2, height / 2 - py];
    const [cos, sin] = [Math.cos(this.turn), Math.sin(this.turn)];
    const u = (s * cos + t * sin) / this.zoom;
    const v = (t * cos - s * sin) / this.zoom;
    return [this.centre[0] + (this.mirror ? -u : u), this.centre[1] + v];
  }

  // All of the image, as large as the cell allows.
  fit(nx, ny, [width, height], margin = 2) {
    const [cos, sin] = [Math.abs(Math.cos(this.turn)), Math.abs(Math.sin(this.turn))];
    const [wide, high] = [nx * cos + ny * sin, nx * sin + ny * cos];
    this.zoom = Math.min(Math.max(8, width - 2 * margin) / wide, Math.max(8, height - 2 * margin) / high);
    this.centre = [(nx - 1) / 2, (ny - 1) / 2];
  }

  // Turns the view so that north is up (when asked and known) and flips it; what is in the middle stays there.
  orient(lattice, northUp, flip) {
    this.mirror = flip;
    this.turn = 0;
    if (!northUp || !lattice) return;
    const { north, east } = lattice.compass();
    // East to the left of north is how the sky is seen from inside.
    const usual = north[0] * east[1] - north[1] * east[0] > 0;
    this.mirror = usual === flip;
    this.turn = Math.PI / 2 - Math.atan2(north[1], this.mirror ? -north[0] : north[0]);
  }
}

// One image in one cell: `screen(x, y)` and `image(px, py)` join its pixels to CSS pixels of the cell, `sky(x, y)`
// its pixels to ICRS degrees, `pixel(ra, dec)` back. `lead` is the image whose pixels the view speaks of.
export class Place {
  constructor(frame, view, size, lead = frame) {
    Object.assign(this, { frame, view, size, lead });
    this.warped = lead !== frame && Boolean(lead.lattice && frame.lattice) && !frame.lattice.same(lead.lattice);
  }

  screen(x, y) {
    if (!this.warped) return this.view.screen(x, y, this.size);
    const at = this.lead.lattice.pixel(...this.frame.lattice.sky(x, y));
    return at ? this.view.screen(...at, this.size) : [NaN, NaN];
  }

  image(px, py) {
    const at = this.view.image(px, py, this.size);
    if (!this.warped) return at;
    return this.frame.lattice.pixel(...this.lead.lattice.sky(...at)) ?? [NaN, NaN];
  }

  sky(x, y) {
    return this.frame.lattice ? this.frame.lattice.sky(x, y) : null;
  }

  pixel(ra, dec) {
    return this.frame.lattice ? this.frame.lattice.pixel(ra, dec) : null;
  }

  // The image's pixels at n x n places of the cell, from its lower left corner, row by row upwards.
  mesh() {
    // Between the points the card goes straight; a point every 32 CSS pixels keeps a distorted image within 0.01.
    const n = this.warped ? Math.max(9, Math.min(33, Math.ceil(Math.max(...this.size) / 32) + 1)) : 2;
    const points = new Float32Array(2 * n * n);
    for (let j = 0; j < n; j++) {
      for (let i = 0; i < n; i++) {
        const [px, py] = [(this.size[0] * i) / (n - 1), this.size[1] * (1 - j / (n - 1))];
        points.set(this.image(px, py), 2 * (j * n + i));
      }
    }
    return { n, points };
  }

  // Pixels of the image along one CSS pixel in the middle of the cell.
  get step() {
    const [px, py] = [this.size[0] / 2, this.size[1] / 2];
    const [o, a, b] = [this.image(px, py), this.image(px + 1, py), this.image(px, py + 1)];
    const area = (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
    return Math.sqrt(Math.abs(area)) || 1 / this.view.zoom;
  }
}

// What is drawn: the arrangement's cells, the views of their images, the tiles they need, and the picture itself.
import { fromHex } from "./colours.js";
import { boxesOf, Cell, MOST_CELLS } from "./cells.js";
import { differenceLimits, limitsOf, luptonOf, settingsOf } from "./look.js";
import { Place, View } from "./place.js";
import { MOST_LAYERS } from "./pool.js";
import { TILE, tileKey } from "./tiles.js";

const SHARPER = 0.25; // of a power of two: how much finer than a screen pixel tiles may be before a coarser level does

export class Scene {
  constructor({ host, images, tiles, painter, model, acts }) {
    Object.assign(this, { host, images, tiles, painter, model, acts });
    this.cells = [];
    this.shared = new View(); // of the leader's pixels, while images are locked
    this.lead = null;
    this.blinking = ""; // the image seen while they are shown in turn
    this.bend = [0.5, 1];
    this.stage = [0.043, 0.051, 0.071];
    this.empty = [0.2, 0.08, 0.16];
  }

  // The image that the views of locked images speak of: it stays, so that going through images leaves the sky still.
  get leader() {
    const { images, lead, shared } = this;
    const fits = (image) => image?.ready && images.list.includes(image) && (this.model.lock !== "wcs" || image.lattice);
    if (fits(lead) && !shared.whole) return lead;
    const next = images.list.find(fits) ?? (this.current?.ready ? this.current : null);
    if (next !== lead) {
      if (next) this.#handOver(lead, next);
      this.lead = next;
    }
    return next;
  }

  // The images' views become one, that of the current image; or each keeps of it what it showed.
  lock(how) {
    const { images, current } = this;
    if (how && current?.view && !current.view.whole) {
      this.shared = current.view.clone();
      this.lead = current;
    } else if (!how && this.leader) {
      for (const image of images.list) image.view = image.ready ? this.#seenBy(image) : null;
    }
  }

  // The shared view in the pixels of another image.
  #seenBy(image) {
    const { shared, lead } = this;
    const view = shared.clone();
    if (image !== lead && image.lattice && lead.lattice) {
      const at = image.lattice.pixel(...lead.lattice.sky(...shared.centre));
      view.whole ||= !at;
      view.centre = at ?? view.centre;
      view.zoom *= image.lattice.scale / lead.lattice.scale;
    }
    view.orient(image.lattice, this.model.north_up, this.model.flip);
    return view;
  }

  get current() {
    return this.images.find(this.blinking || this.model.current) ?? this.images.list[0];
  }

  // The shared view speaks of another image's pixels from now on, and shows the same part of the sky.
  #handOver(old, next) {
    if (old) this.shared = this.#seenBy(next);
    this.shared.orient(next.lattice, this.model.north_up, this.model.flip);
  }

  // Whether an image goes with the leader; one without sky coordinates cannot by the sky.
  #locked(image) {
    const { lock } = this.model;
    return Boolean(lock && this.leader) && (lock === "pixel" || image === this.lead || !this.lead.lattice || Boolean(image.lattice));
  }

  viewOf(image) {
    if (this.#locked(image)) return this.shared;
    if (!image.view) {
      image.view = new View();
      image.view.orient(image.lattice, this.model.north_up, this.model.flip);
    }
    return image.view;
  }

  orient() {
    const { north_up: north, flip } = this.model;
    this.shared.orient(this.leader?.lattice, north, flip);
    for (const image of this.images.list) image.view?.orient(image.lattice, north, flip);
  }

  // The grid shows those about the current image when there are too many for all.
  get firstOfGrid() {
    return Math.max(0, Math.floor(this.images.list.indexOf(this.current) / MOST_CELLS) * MOST_CELLS);
  }

  // What the arrangement asks for: lists of images, one for each cell.
  #groups() {
    const { images, model, current } = this;
    const { list } = images;
    if (!current) return { mode: "single", groups: [] };
    if (model.arrangement === "grid") {
      const first = this.firstOfGrid;
      return { mode: "single", groups: list.slice(first, first + MOST_CELLS).map((one) => [one]) };
    }
    const three = images.colours(model.colours);
    if (model.arrangement === "colour" && three) return { mode: "colour", groups: [three.map((id) => images.find(id))] };
    if (model.arrangement === "difference" && list.length > 1) {
      const [first, second] = model.pair ?? [];
      const one = images.find(first) ?? current;
      const other = images.find(second) ?? list.find((image) => image !== one);
      if (one !== other) return { mode: "difference", groups: [[one, other]] };
    }
    return { mode: "single", groups: [[current]] };
  }

  arrange() {
    const { host, cells, current } = this;
    const [width, height] = [host.clientWidth, host.clientHeight];
    const { mode, groups } = this.#groups();
    while (cells.length < groups.length) {
      cells.push(new Cell(this.acts));
      host.append(cells.at(-1).root);
    }
    while (cells.length > groups.length) cells.pop().root.remove();
    boxesOf(groups.length, width, height).forEach((box, k) => {
      cells[k].put(box);
      cells[k].show(groups[k], mode, groups[k].includes(current), groups.length > 1);
      cells[k].place = this.#placeOf(cells[k].image, cells[k]);
    });
  }

  #placeOf(image, { width, height }) {
    const view = this.viewOf(image);
    const lead = this.#locked(image) ? this.lead : image;
    if (view.whole && lead.ready) view.fit(lead.nx, lead.ny, [width, height]);
    return new Place(image, view, [width, height], this.model.lock === "wcs" ? lead : image);
  }

  cellAt(x, y) {
    const inside = (cell) => x >= cell.left && y >= cell.top && x < cell.left + cell.width && y < cell.top + cell.height;
    return this.cells.find(inside);
  }

  draw() {
    const { host, painter, tiles } = this;
    if (host.clientWidth < 2 || host.clientHeight < 2) return;
    this.arrange();
    const ratio = window.devicePixelRatio || 1;
    painter.begin(Math.round(host.clientWidth * ratio), Math.round(host.clientHeight * ratio), this.stage);
    const jobs = this.cells.filter((cell) => cell.images.every((one) => one.ready));
    const wanted = this.#tilesFor(jobs, ratio);
    tiles.want(wanted);
    for (const { cell, parts } of this.parts) this.#paint(cell, parts, ratio);
  }

  // Which tiles each image of each cell needs, and with them its mesh and level. The coarsest tile comes first: a
  // picture of the whole image is there at once, and stands in for what is still on its way.
  #tilesFor(cells, ratio) {
    this.parts = cells.map((cell) => ({
      cell,
      parts: cell.images.map((image) => {
        const place = image === cell.image ? cell.place : this.#placeOf(image, cell);
        return { image, warped: place.warped, mesh: place.mesh(), finest: place.step / ratio };
      }),
    }));
    for (let coarser = 0; ; coarser++) {
      const found = new Map();
      for (const { parts } of this.parts) for (const part of parts) this.#add(found, part, coarser);
      const planes = this.masked ? 2 : 1;
      if (found.size > 0.9 * MOST_LAYERS * planes && coarser < 12) continue;
      this.#ahead(cells, found, ratio);
      return [...found.values()].sort((a, b) => b.first - a.first);
    }
  }

  // The images that are not seen, as long as there is room: going through them shows each at once.
  #ahead([cell], found, ratio) {
    if (!cell || cell.images.length > 1 || this.cells.length > 1) return;
    for (const image of this.images.list) {
      if (!image.ready || image === cell.image || found.size > MOST_LAYERS / 3) continue;
      const place = this.#placeOf(image, cell);
      this.#add(found, { image, mesh: place.mesh(), finest: place.step / ratio }, 0, -1e6);
    }
  }

  get masked() {
    return Object.keys(this.model.masks ?? {}).length > 0;
  }

  #add(found, part, coarser, before = 0) {
    const { image, mesh, finest } = part;
    const last = image.meta.levels - 1;
    const level = Math.max(0, Math.min(last, Math.ceil(Math.log2(finest) - SHARPER) + coarser));
    const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]];
    for (let i = 0; i < mesh.points.length; i++) {
      const value = mesh.points[i];
      if (!Number.isFinite(value)) continue;
      low[i % 2] = Math.min(low[i % 2], value);
      high[i % 2] = Math.max(high[i % 2], value);
    }
    const size = TILE * 2 ** level;
    const [wide, tall] = [Math.ceil(image.nx / size), Math.ceil(image.ny / size)];
    const from = [0, 1].map((c) => Math.max(0, Math.floor((low[c] + 0.5) / size)));
    const to = [0, 1].map((c) => Math.min([wide, tall][c] - 1, Math.floor((high[c] + 0.5) / size)));
    Object.assign(part, { level, wide, tall, from, to });
    const planes = this.masked && image.meta.planes.includes("mask") ? ["image", "mask"] : ["image"];
    const add = (plane, k, x, y) => {
      const key = tileKey(image, plane, k, x, y);
      const away = Math.hypot(x - (from[0] + to[0]) / 2, y - (from[1] + to[1]) / 2);
      const first = before + (k === last ? 2e6 : 1e6) + (plane === "image" ? 1e5 : 0) - away;
      found.set(key, { key, frame: image, plane, level: k, x, y, first });
    };
    for (const plane of planes) {
      add(plane, last, 0, 0);
      if (!this.painter.tiled) return; // the levels of colours are found from it, and nothing else is
      for (let y = from[1]; y <= to[1]; y++) for (let x = from[0]; x <= to[0]; x++) add(plane, level, x, y);
    }
  }

  // Where in the pools each tile of the wanted level lies, or the finest coarser one that is there.
  #table({ image, level, wide, tall, from, to }) {
    const { tiles, painter } = this;
    const data = new Int32Array(2 * wide * tall);
    const last = image.meta.levels - 1;
    const entry = (plane, pool, x, y) => {
      for (let k = level; k <= last; k++) {
        const key = tileKey(image, plane, k, x >> (k - level), y >> (k - level));
        const tile = tiles.get(key);
        const place = tile ? pool.layerOf(key, tile) : -1;
        if (place >= 0) return (k << 16) | (place + 1);
      }
      return 0;
    };
    for (let y = from[1]; y <= to[1]; y++) {
      for (let x = from[0]; x <= to[0]; x++) {
        data[2 * (y * wide + x)] = entry("image", painter.values, x, y);
        if (this.masked) data[2 * (y * wide + x) + 1] = entry("mask", painter.masks, x, y);
      }
    }
    return { width: wide, height: tall, data };
  }

  #paint(cell, parts, ratio) {
    const { model, painter, tiles } = this;
    const { mode, images } = cell;
    const { stretch } = settingsOf(model, cell.image.id);
    const limits = mode === "difference" ? differenceLimits(model, images, this.current) : limitsOf(model, cell.image, this.current);
    const colours = mode === "colour" ? luptonOf(model, images, tiles) : null;
    if (!limits) return;
    const masks = model.masks ?? {};
    const lead = this.lead ?? cell.image;
    const found = parts.map((part) => ({
      image: part.image,
      table: this.#table(part),
      mesh: part.mesh,
      shape: [part.image.nx, part.image.ny, part.level],
      warped: part.warped,
      ...part.image.planes(masks, (text) => fromHex(text) ?? [1, 0.2, 0.6]),
    }));
    if (mode === "colour" && !colours) return; // its coarsest tiles are on their way
    cell.limits = limits;
    const box = [cell.left, this.host.clientHeight - cell.top - cell.height, cell.width, cell.height];
    painter.cell(box.map((side) => Math.round(side * ratio)), found, {
      cuts: limits,
      stretch: mode === "difference" ? "linear" : stretch,
      ladder: stretch === "histogram" && mode === "single" ? cell.image.ladder(limits) : null,
      bend: mode === "colour" ? [0.5, 1] : this.bend,
      map: mode === "difference" ? "diverging" : model.cmap,
      invert: model.invert,
      empty: this.empty,
      lead: new Place(lead, cell.place.view, [cell.width, cell.height]).mesh(),
      leader: lead.id,
      ...(colours ?? { sky: [0, 0, 0], weight: [1, 1, 1], lupton: [1, 8] }),
    });
  }

  // The loaded value at a pixel of an image, in full resolution; undefined when it is not there.
  valueAt(image, x, y, plane = "image") {
    const [column, row] = [Math.round(x), Math.round(y)];
    if (column < 0 || row < 0 || column >= image.nx || row >= image.ny) return undefined;
    const tile = this.tiles.get(tileKey(image, plane, 0, column >> 9, row >> 9));
    return tile?.data[(row & 511) * tile.width + (column & 511)];
  }
}

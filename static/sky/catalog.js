// One catalogue on the sky: which of its rows the view needs, as points or as density, and how they are drawn.
import { cssColour, legible } from "../parts/colour.js";
import { unit } from "../parts/sphere.js";
import { texture } from "./gl.js";
import { NO_POINTS, Points, readPoints, SHAPES } from "./points.js";
import { classTexels, mapTexels, shadeTexels, STEPS } from "./ramp.js";
import { reachOf, Tiles } from "./tiles.js";

const DEGREE = Math.PI / 180;

export class Catalog {
  // `sky`: stage, worldAt, probe (an element for colours); `told(text)` gets what went wrong, "" when it is well again;
  // `changed(loaded)` is called when there is something new to draw, and whether it came with new rows.
  constructor(layer, sky, told, changed) {
    Object.assign(this, { layer, sky, told, changed });
    this.info = { version: -1 };
    this.points = new Points(layer.gl);
    this.tiles = new Tiles(
      layer.gl,
      (order, npix) => {
        const folder = Math.floor(npix / 10000) * 10000;
        return this.#address(`Norder${order}/Dir${folder}/Npix${npix}.fits`);
      },
      () => this.changed(false),
      (text) => told(`The density of the rows could not be loaded (${text}).`),
    );
    this.dense = false;
    this.circle = null; // what the points at hand cover: [ra, dec, radius] or null for all
    this.request = new AbortController();
    this.coming = false;
    this.loaded = -1; // version of the rows at hand
    this.about = 0;
  }

  get busy() {
    return this.coming || (this.dense && this.tiles.busy);
  }

  get inView() {
    return this.dense ? this.about : this.points.inView;
  }

  #address(what) {
    const join = what.includes("?") ? "&" : "?";
    return `${this.info.url}/${what}${join}v=${this.info.version}`;
  }

  // What Python says of it now.
  update(info) {
    const other = info.version !== this.info.version || info.url !== this.info.url;
    const back = info.shown && !this.info.shown; // the view may have moved on since
    this.info = info;
    this.paint();
    if (other) this.tiles.renew();
    if (other || back) this.settled(this.sky.stage.view);
  }

  paint() {
    const { gl } = this.layer;
    const { paint = {}, scale = null, colour, active } = this.info;
    const probe = this.sky.frame.root;
    const own = legible(cssColour(probe, colour || "var(--tv-sky-point, var(--tv-accent, #58a6ff))"));
    const classes = scale?.classes?.length ? scale.classes : null;
    this.texels = classes
      ? classTexels(classes.map((one) => legible(cssColour(probe, one.colour), 0.3)))
      : mapTexels(paint.map);
    this.shades = shadeTexels(own);
    for (const one of [this.look?.map, this.look?.shades]) if (one) gl.deleteTexture(one);
    this.look = {
      colour: own,
      chosen: legible(cssColour(probe, "var(--tv-sky-selected, #ff9f2e)")),
      map: texture(gl, STEPS, 1, this.texels),
      shades: texture(gl, STEPS, 1, this.shades),
      valued: !active || !scale ? 0 : classes ? 2 : 1,
      low: scale?.low ?? 0,
      span: (scale?.high ?? 1) - (scale?.low ?? 0) || 1,
      shape: SHAPES[paint.shape] ?? 0,
    };
  }

  // The view stands still: have what it needs.
  settled(view) {
    if (!view || !this.info.shown) return;
    this.points.countIn(view);
    if (!this.#covers(view)) this.#load(view);
    if (this.dense) this.tiles.want(view, this.#reach(view));
  }

  #reach(view) {
    return reachOf(view, (x, y) => {
      const there = this.sky.worldAt(x, y);
      return there && unit(...there);
    });
  }

  #covers(view) {
    if (this.loaded !== this.info.version || this.dense) return false;
    if (!this.circle) return true;
    const [ra, dec, radius] = this.circle;
    const there = unit(ra, dec);
    const away = 2 * Math.asin(Math.min(1, Math.hypot(...there.map((x, i) => x - view.centre[i])) / 2));
    return away + this.#reach(view) <= radius * DEGREE * (1 + 1e-9);
  }

  async #load(view) {
    this.request.abort();
    this.request = new AbortController();
    const { signal } = this.request;
    const { version } = this.info;
    const [ra, dec] = this.sky.stage.aladin.getRaDec();
    const radius = Math.min(180, this.#reach(view) / DEGREE);
    this.coming = true;
    try {
      const answer = await fetch(this.#address(`points?ra=${ra}&dec=${dec}&r=${radius}`), { signal });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const points = readPoints(await answer.arrayBuffer());
      if (signal.aborted) return;
      const fresh = this.loaded !== version;
      this.#take(points, version);
      this.told("");
      this.coming = false;
      this.changed(fresh);
    } catch (error) {
      if (signal.aborted) return;
      this.coming = false;
      this.told(`The positions of the rows could not be loaded (${error.message}).`);
      this.changed(false);
    }
  }

  #take(points, version) {
    const { head } = points;
    this.loaded = version;
    this.dense = Boolean(head.dense);
    this.circle = head.circle ?? null;
    this.about = head.about ?? 0;
    this.points.load(points);
    const { view } = this.sky.stage;
    if (!this.dense) this.tiles.clear();
    if (!view) return;
    this.points.countIn(view);
    if (this.dense) this.tiles.want(view, this.#reach(view));
  }

  draw(view, { dots, dense }) {
    if (!this.info.shown) return;
    if (this.dense) this.tiles.draw(view, dense, this.look);
    else this.points.draw(view, dots, this.look);
  }

  pick(view, x, y, towards) {
    return this.dense ? -1 : this.points.pick(view, x, y, towards);
  }

  // The row nearest to a place of the sky that is drawn as density, asked of the server; -1 for none.
  async nearest(ra, dec, radius) {
    const answer = await fetch(this.#address(`nearest?ra=${ra}&dec=${dec}&r=${radius}`), { signal: this.request.signal });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer.json();
  }

  async label(row) {
    const answer = await fetch(this.#address(`label?row=${row}`));
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer.json();
  }

  restored() {
    this.look = null;
    this.paint();
    this.points.load(this.points.points);
    this.tiles.clear();
    this.settled(this.sky.stage.view);
  }

  close() {
    this.request.abort();
    this.tiles.clear();
    this.points.load(NO_POINTS);
    for (const one of [this.look?.map, this.look?.shades]) if (one) this.layer.gl.deleteTexture(one);
    this.look = null;
  }
}

// The canvas of the rows of all catalogues: one WebGL2 context for points and densities, the active catalogue on top.
import denseShader from "./dense.glsl";
import dotShader from "./dots.glsl";
import { clearFor, colourOf, program } from "./gl.js";
import pointShader from "./points.glsl";
import { projecting } from "./projection.js";
import shadeShader from "./shade.glsl";

export class RowLayer {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.canvas.className = "points";
    this.canvas.setAttribute("aria-hidden", "true");
    this.catalogs = [];
    this.gl = this.canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true });
    this.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.#prepare();
      for (const catalog of this.catalogs) catalog.restored();
    });
    this.#prepare();
  }

  #prepare() {
    const gl = this.gl;
    this.dots = program(gl, projecting(pointShader), dotShader);
    this.dense = program(gl, projecting(denseShader), shadeShader);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  get active() {
    const last = this.catalogs.at(-1);
    return last?.info.active ? last : null;
  }

  get inView() {
    return this.active?.inView ?? 0;
  }

  get points() {
    return this.active?.points.points ?? { count: 0 };
  }

  draw(view) {
    const gl = this.gl;
    clearFor(gl, view);
    for (const catalog of this.catalogs) catalog.draw(view, this);
  }

  // RGBA at a CSS pixel of the view, for tests.
  colourAt(view, x, y) {
    this.draw(view);
    return colourOf(this.gl, x, y);
  }

  pick(view, x, y, towards = null) {
    return this.active?.pick(view, x, y, towards) ?? -1;
  }
}

// The rows of all open results on the sky: drawn, picked and labelled; one of the parts of sky.js. Knows no survey.
import { gesture, onTheme } from "../parts/kit.js";
import { unit } from "../parts/sphere.js";
import { Catalog } from "./catalog.js";
import { Label } from "./label.js";
import { RowLayer } from "./rowlayer.js";
import { RowPanel } from "./rowpanel.js";

const PICK = 8; // CSS pixels from a row that still mean it

// `sky` is what sky.js hands to each of its parts.
export function joinPoints(sky) {
  const { model, frame, stage, signal } = sky;
  const layer = stage.keep("layer", () => new RowLayer());
  const label = new Label(frame.host);
  const panel = new RowPanel(frame, layer, (name, fields) => gesture(model, name, fields));
  const catalogs = new Map();
  const troubles = new Map();
  let active = null; // key of the active catalogue

  const redraw = () => stage.view && layer.draw(stage.view);

  const changed = (loaded) => {
    redraw();
    panel.show(layer.active, model.catalogs, model.columns);
    frame.root.classList.toggle("tv-busy", [...catalogs.values()].some((one) => one.busy));
    if (loaded) sky.loaded();
  };

  const told = (key) => (text) => {
    troubles.set(key, text);
    sky.fail("points", [...troubles.values()].find(Boolean) ?? "");
  };

  const update = () => {
    const infos = new Map(model.catalogs.map((info) => [info.key, info]));
    for (const [key, catalog] of catalogs) {
      if (infos.has(key)) continue;
      catalog.close();
      catalogs.delete(key);
      told(key)("");
    }
    const now = model.catalogs.find((info) => info.active)?.key ?? null;
    if (now !== active) {
      active = now;
      sky.fresh();
    }
    const order = model.catalogs.map((info) => {
      if (!catalogs.has(info.key)) catalogs.set(info.key, new Catalog(layer, sky, told(info.key), changed));
      return catalogs.get(info.key);
    });
    layer.catalogs = order;
    order.forEach((catalog, i) => catalog.update(model.catalogs[i]));
    label.hide();
    changed(true);
  };

  const paint = () => {
    for (const catalog of catalogs.values()) catalog.paint();
    changed(false);
  };

  const pick = (x, y) => {
    const world = sky.worldAt(x, y);
    const at = world ? layer.pick(stage.view, x, y, unit(...world)) : -1;
    return at < 0 ? -1 : layer.points.row[at];
  };

  const clicked = async (x, y) => {
    const world = sky.worldAt(x, y);
    if (!world) return;
    try {
      const row = await layer.active.nearest(...world, ((PICK / stage.view.scale) * 180) / Math.PI);
      if (row >= 0) gesture(model, "clicked", { row });
    } catch (error) {
      if (error.name !== "AbortError") told(active)(`The row could not be found (${error.message}).`);
    }
  };

  const part = {
    draw: (view) => {
      label.hide();
      layer.draw(view);
    },
    settled: (view) => {
      for (const catalog of layer.catalogs) catalog.settled(view);
      changed(false);
    },
    hover(x, y) {
      const now = layer.active;
      if (!now) return false;
      if (!now.dense) return label.offer(pick(x, y), x, y, now);
      const world = sky.worldAt(x, y);
      return label.say(world ? now.tiles.at(unit(...world)) : null, x, y, now);
    },
    click(x, y) {
      if (!layer.active) return false;
      if (layer.active.dense) {
        clicked(x, y);
        return true;
      }
      const row = pick(x, y);
      if (row >= 0) gesture(model, "clicked", { row });
      return row >= 0;
    },
    leave: () => label.hide(),
    // The circle around all rows of the active catalogue, which `0` shows.
    bounds() {
      const circle = layer.active?.info.circle;
      return circle ? { ra: circle[0], dec: circle[1], radius: circle[2] } : (layer.active?.points.bounds() ?? null);
    },
    count: () => ({ all: layer.active?.info.rows ?? layer.points.count, inView: layer.inView }),
    close() {
      for (const catalog of catalogs.values()) catalog.close();
      catalogs.clear();
      layer.catalogs = [];
      label.close();
      panel.close();
    },
  };

  signal.addEventListener("abort", onTheme(paint));
  update();
  model.on("catalogs", update);
  model.on("columns", () => changed(false));
  return part;
}

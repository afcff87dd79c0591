// Coverage maps (MOC) on the sky: Aladin draws them, the server makes, joins and saves them; this is what lies between.
import { gesture } from "../parts/kit.js";
import { MocPanel } from "./mocpanel.js";

// One of the parts of sky.js; `sky` is what sky.js hands to each of them.
export function joinMocs(sky) {
  const { model, frame, stage, signal } = sky;
  const drawn = new Map(); // key -> Aladin's layer, or null while its cells are on their way
  const ask = (what, fields = {}) =>
    gesture(model, "moc_asked", { what, key: "", other: "", text: "", number: -1, ...fields });
  const panel = new MocPanel(frame.section("mocs", "Coverage maps (MOC)"), ask, signal);

  const style = ({ colour, opacity, shown }, key) => {
    const layer = drawn.get(key);
    if (!layer) return;
    if (layer.color !== colour) Object.assign(layer, { color: colour, fillColor: colour });
    if (layer.opacity !== opacity / 100) layer.opacity = opacity / 100;
    if (shown) layer.show();
    else layer.hide();
  };

  const add = async (moc) => {
    drawn.set(moc.key, null);
    try {
      const answer = await fetch(`${model.moc_desk.url}?ask=draw&key=${moc.key}`, { signal });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const cells = await answer.json();
      if (signal.aborted || !drawn.has(moc.key)) return;
      const look = { name: moc.key, color: moc.colour, fillColor: moc.colour, opacity: moc.opacity / 100, lineWidth: 2 };
      // Aladin's wasm breaks for good on a layer that is changed or removed before it is there.
      const ready = (layer) => {
        if (!drawn.has(moc.key)) {
          setTimeout(() => stage.aladin.removeOverlay(layer));
          return;
        }
        drawn.set(moc.key, layer);
        setTimeout(sync);
      };
      const failed = () => panel.trouble(`${moc.name} could not be drawn.`);
      stage.aladin.addMOC(stage.library.MOCFromJSON(cells, { ...look, fill: true, perimeter: true }, ready, failed));
    } catch (error) {
      drawn.delete(moc.key);
      if (!signal.aborted) panel.trouble(`${moc.name} could not be drawn (${error.message}).`);
    }
  };

  const remove = (key) => {
    const layer = drawn.get(key);
    drawn.delete(key);
    if (layer) stage.aladin.removeOverlay(layer);
  };

  const sync = () => {
    const here = new Set(model.mocs.map(({ key }) => key));
    for (const key of [...drawn.keys()]) if (!here.has(key)) remove(key);
    for (const moc of model.mocs) {
      if (drawn.has(moc.key)) style(moc, moc.key);
      else add(moc);
    }
    panel.list(model.mocs, model.moc_desk);
  };

  panel.restyle = (key, changes) => style({ ...model.mocs.find((moc) => moc.key === key), ...changes }, key);
  panel.desk(model.moc_desk);
  sync();
  model.on("mocs", sync);
  model.on("moc_desk", () => panel.desk(model.moc_desk));

  return {
    draw: () => {},
    settled: () => {},
    close() {
      for (const key of [...drawn.keys()]) remove(key);
    },
  };
}

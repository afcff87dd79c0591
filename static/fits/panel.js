// The viewer's settings panel: levels by hand, colour picture, difference, mask planes, and what else a file holds.
import { offer } from "./bar.js";
import { planeColour } from "./colours.js";
import { element } from "../parts/kit.js";
import { choice } from "../parts/viewer.js";

const SHARE = [["settings", "Same stretch for all"], ["limits", "Same limits for all"], ["", "Each image its own"]]; // prettier-ignore
const LOCK = [["wcs", "Move together by the sky"], ["pixel", "Move together by pixels"], ["", "Move one by one"]];
const OPACITY = 0.5;

const labelled = (text, node) => element("label", {}, element("span", {}, text), node);
const field = (label, more = {}) => element("input", { type: "number", step: "any", "aria-label": label, ...more });
const short = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(6))) : "");

// `acts.set(settings)` takes what the user chose; `acts.reset()` undoes bias and contrast; `acts.asked(what, id)`.
export function buildPanel(frame, acts) {
  const on = (node, run) => {
    node.addEventListener("change", run);
    return node;
  };

  const [low, high] = [field("Black level"), field("White level")];
  const byHand = () => {
    const limits = [low, high].map((node) => Number.parseFloat(node.value));
    const wrong = !(limits[0] < limits[1]);
    high.setCustomValidity(wrong ? "White must be above black." : "");
    if (wrong) high.reportValidity();
    else acts.set({ limits });
  };
  const share = on(choice("Images share", SHARE), () => acts.set({ share: share.value }));
  const lock = on(choice("Images move", LOCK), () => acts.set({ lock: lock.value }));
  const reset = element("button", { type: "button" }, "Reset bias and contrast");
  reset.addEventListener("click", acts.reset);
  frame.section("levels", "Levels").append(
    element("div", { class: "pair" }, labelled("Black", on(low, byHand)), labelled("White", on(high, byHand))),
    share,
    lock,
    reset,
  );

  const bands = ["Red", "Green", "Blue"].map((name) => on(choice(name, []), () => acts.set({ colours: bands.map((node) => node.value) })));
  const [white, soft] = [field("Stretch of the colour picture", { min: 0 }), field("Q", { min: 0 })];
  const lupton = () => {
    const chosen = { stretch: Number.parseFloat(white.value), q: Number.parseFloat(soft.value) };
    acts.lupton(Object.fromEntries(Object.entries(chosen).filter(([, value]) => value > 0)));
  };
  frame.section("colours", "Three colours (Lupton et al. 2004)").append(
    ...bands.map((node, k) => labelled(["Red", "Green", "Blue"][k], node)),
    element("div", { class: "pair" }, labelled("Stretch", on(white, lupton)), labelled("Q", on(soft, lupton))),
  );

  const pair = ["First", "Minus"].map((name) => on(choice(name, []), () => acts.set({ pair: pair.map((node) => node.value) })));
  frame.section("difference", "Difference").append(...pair.map((node, k) => labelled(["First", "Minus"][k], node)));
  const masks = frame.section("masks", "Mask planes");
  const file = frame.section("file", "File");

  return { low, high, share, lock, bands, white, soft, pair, masks, file, on };
}

// Brings the panel up to date. `shown`: {images, current, three, limits, lupton, model}.
export function showPanel(frame, panel, acts, { images, current, three, limits, lupton, model }) {
  const { list } = images;
  const active = frame.root.getRootNode().activeElement;
  const write = (node, text) => node !== active && (node.value = text);
  write(panel.low, short(limits?.[0]));
  write(panel.high, short(limits?.[1]));
  panel.share.value = model.share;
  panel.lock.value = model.lock;
  panel.share.hidden = panel.lock.hidden = list.length < 2;
  frame.hideSection("colours", model.arrangement !== "colour" || !three);
  frame.hideSection("difference", model.arrangement !== "difference" || list.length < 2);
  panel.bands.forEach((node, k) => three && offer(node, list, three[k]));
  write(panel.white, short(lupton?.[0]));
  write(panel.soft, short(lupton?.[1]));
  const other = list.find((one) => one !== current);
  panel.pair.forEach((node, k) => offer(node, list, model.pair?.[k] ?? [current, other][k]?.id));
  showMasks(frame, panel, acts, images.planes, model.masks ?? {});
  showFile(frame, panel, acts, current);
}

function showMasks(frame, panel, acts, planes, masks) {
  frame.hideSection("masks", !planes.length);
  const state = JSON.stringify([planes.map(({ name }) => name), masks]);
  if (panel.masks.dataset.state === state) return;
  panel.masks.dataset.state = state;
  const rows = planes.map(({ name, doc }, k) => {
    const [colour, opacity] = masks[name] ?? [planeColour(name, k), OPACITY];
    const shown = element("input", { type: "checkbox", "aria-label": `Show ${name}` });
    shown.checked = Object.hasOwn(masks, name);
    const paint = element("input", { type: "color", value: colour, "aria-label": `Colour of ${name}` });
    const cover = element("input", {
      type: "range", min: 0.1, max: 1, step: 0.05, value: opacity, "aria-label": `Opacity of ${name}`,
    }); // prettier-ignore
    const change = () => {
      const { [name]: _, ...others } = masks;
      acts.set({ masks: shown.checked ? { ...others, [name]: [paint.value, Number(cover.value)] } : others });
    };
    for (const node of [paint, cover]) {
      panel.on(node, () => {
        shown.checked = true;
        change();
      });
    }
    panel.on(shown, change);
    return element("div", { class: "plane", title: doc || name }, shown, paint, element("span", { class: "cut" }, name), cover);
  });
  panel.masks.replaceChildren(...rows);
}

// Other images of the same file, and planes of a cube.
function showFile(frame, panel, acts, image) {
  const hdus = (image?.meta?.hdus ?? []).filter(({ kind, shape }) => /image/i.test(kind) && shape.length >= 2);
  const cube = image?.meta?.cube;
  const notes = image?.meta?.notes ?? [];
  frame.hideSection("file", hdus.length < 2 && !cube && !notes.length);
  const state = JSON.stringify([image?.id, hdus, image?.meta?.hdu, cube, notes]);
  if (panel.file.dataset.state === state) return;
  panel.file.dataset.state = state;
  panel.file.replaceChildren(...notes.map((note) => element("p", { class: "note" }, note)));
  if (hdus.length > 1) {
    const names = hdus.map(({ index, name, shape }) => [String(index), `${index} ${name} ${shape.join(" × ")}`]);
    const hdu = panel.on(choice("HDU", names), () => acts.asked(`hdu=${hdu.value}`, image.id));
    hdu.value = String(image.meta.hdu);
    panel.file.append(labelled("HDU", hdu));
  }
  cube?.axes.forEach(({ name, size }, k) => {
    const node = panel.on(field(`Plane of ${name}`, { min: 1, max: size, step: 1, value: cube.at[k] + 1 }), () => {
      const at = Math.max(1, Math.min(size, Math.round(Number(node.value) || 1))) - 1;
      acts.asked(`plane=${cube.at.map((old, i) => (i === k ? at : old)).join(",")}`, image.id);
    });
    panel.file.append(labelled(`${name || "Axis"} (1–${size})`, node));
  });
}

// What M shows: the planes that spoil pixels, with their colours.
export const badMasks = (images) =>
  Object.fromEntries(images.planes.map(({ name }, k) => [name, [planeColour(name, k), OPACITY]]).filter(([name]) => images.badPlanes.some((one) => one.name === name)));

// The furniture of the FITS viewer: the toolbar, which gives way to a panel where it is narrow, and the panel's parts.
import { COLOUR_MAPS } from "./colours.js";
import { STRETCHES } from "./painter.js";
import { element } from "../parts/kit.js";
import { choice, iconButton, voices } from "../parts/viewer.js";

const MARGIN = 5; // CSS pixels beside the last button
const MOST_BUTTONS = 8; // images that have a button each
const CUTS = [
  ["zscale", "zscale"], ["99.9", "99.9 %"], ["99.5", "99.5 %"], ["99", "99 %"], ["98", "98 %"], ["95", "95 %"],
  ["90", "90 %"], ["sigma", "−1 to +5 σ"], ["minmax", "min–max"], ["hand", "by hand"],
]; // prettier-ignore
const ARRANGEMENTS = {
  single: ["One image (S)", "M4 4h12v12H4z"],
  grid: ["Side by side (T)", "M3 3h6v6H3zM11 3h6v6h-6zM3 11h6v6H3zM11 11h6v6h-6z"],
  colour: ["Three colours (C)", "M10 3a4.5 4.5 0 1 0 .01 0zM6.500 9a4.500 4.500 0 1 0 .01 0zM13.500 9a4.500 4.500 0 1 0 .01 0z"],
  difference: ["Difference of two (D)", "M2 15l3.500-10l3.500 10M3.300 11.500h4.400M11 10h3M17 6v8M16 6h1"],
  blink: ["Blink (Space holds; B, Shift+B one by one)", "M2 10c4-6 12-6 16 0c-4 6-12 6-16 0zM10 8a2 2 0 1 0 .01 0z"],
};
const LOCK = "M5 9h10v8H5zM7 9V6a3 3 0 0 1 6 0v3";
const NORTH = "M10 3v14M10 3l-4 5M10 3l4 5";
const MORE = "M3 6h6M13 6h4M11 4a2 2 0 1 0 .01 0zM3 14h2M9 14h8M7 12a2 2 0 1 0 .01 0z";

export function buildFrame() {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const host = element(
    "div",
    {
      class: "host",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "image viewer",
      "aria-label":
        "Images. Arrow keys move, plus and minus zoom, 0 shows all, 1 one pixel a pixel; B goes through the images, letters choose the band.",
    },
    canvas,
  );
  const pressed = { "aria-pressed": "false" };
  const bands = element("span", { class: "group bands", role: "group", "aria-label": "Image" });
  const pick = choice("Image", []);
  const arrange = Object.fromEntries(
    Object.entries(ARRANGEMENTS).map(([name, [label, icon]]) => [name, iconButton(icon, label, pressed)]),
  );
  const arranged = element("span", { class: "group", role: "group", "aria-label": "Arrangement" }, ...Object.values(arrange));
  const stretch = choice("Stretch", STRETCHES.map((name) => [name, name]));
  const cuts = choice("Cuts", CUTS);
  const cmap = choice("Colour map", COLOUR_MAPS.map((name) => [name, name]));
  const invert = iconButton("invert", "Invert (X)", pressed);
  const mask = iconButton("mask", "Tint bad pixels (M)", pressed);
  const north = iconButton(NORTH, "North up (N)", pressed);
  const lock = iconButton(LOCK, "Move all images together, by the sky (L)", pressed);
  const zoomOut = iconButton("out", "Zoom out (−)");
  const zoomIn = iconButton("in", "Zoom in (+)");
  const native = element("button", { type: "button", class: "words", title: "One pixel a pixel (1)" }, "1:1");
  const fit = iconButton("fit", "Show all (0)");
  const tools = element("span", { class: "group tools", role: "group", "aria-label": "Tools" });
  const more = iconButton(MORE, "Settings: levels, masks, colours", { "aria-expanded": "false" });
  const group = (...nodes) => element("span", { class: "group" }, ...nodes);
  const [looks, ways, zooms] = [group(invert, mask), group(north, lock), group(zoomOut, zoomIn, native, fit)];
  const places = [bands, pick, arranged, stretch, cuts, cmap, looks, ways, tools, zooms, more];
  const folding = [cmap, ways, cuts, stretch, zooms, looks, arranged, tools]; // the first to give way first
  const bar = element("div", { class: "bar", role: "toolbar", "aria-label": "Image tools" }, ...places);
  const folded = element("div", { class: "folded" });
  const panel = element("div", { class: "panel", hidden: true, role: "group", "aria-label": "Image settings" }, folded);
  const root = element("div", { class: "viewer fits-view image-view", role: "group", "aria-label": "Images" });
  root.append(bar, host, panel);
  const sections = new Map();

  return {
    ...voices(root),
    ...{ root, canvas, host, bar, bands, pick, arrange, arranged, stretch, cuts, cmap, invert, mask, north, lock },
    ...{ zoomIn, zoomOut, native, fit, tools, more, panel },

    // A line below the images that stays, of what this browser lacks.
    explain(text) {
      host.after(element("div", { class: "lacking", role: "note", title: text }, text));
    },
    // A part of the panel with a title of its own, made when first asked for.
    section(name, title) {
      if (!sections.has(name)) {
        const body = element("div", { class: `section ${name}` });
        sections.set(name, element("section", {}, element("h3", {}, title), body));
        panel.append(sections.get(name));
      }
      return sections.get(name).lastChild;
    },
    // Buttons of the tools; `take(name)` when the user's hand takes one up.
    offerTools(list, take) {
      const buttons = list.map(({ name, title, icon }) => {
        const node = iconButton(icon, title, { ...pressed, "data-tool": name });
        node.addEventListener("click", () => take(name));
        return node;
      });
      tools.replaceChildren(...buttons);
      tools.hidden = !buttons.length;
    },
    hold(name) {
      for (const node of tools.children) press(node, node.dataset.tool === name);
    },
    hideSection: (name, hidden) => sections.has(name) && (sections.get(name).hidden = hidden),

    open(shown = panel.hidden) {
      panel.hidden = !shown;
      more.setAttribute("aria-expanded", String(shown));
    },

    // Leaves as many tools in the bar as there is room for; the others go to the panel. Nothing moves, and nothing
    // loses the focus, while room and tools are the same.
    fold() {
      const state = [root.clientWidth, ...places.map((node) => (node.hidden ? 0 : node.childElementCount))].join();
      if (bar.dataset.state === state) return;
      bar.dataset.state = state;
      const away = new Set();
      const wide = () => {
        bar.replaceChildren(...places.filter((node) => !away.has(node)));
        return more.getBoundingClientRect().right > bar.getBoundingClientRect().right - MARGIN;
      };
      bar.classList.remove("tight");
      for (const node of folding) if (wide()) away.add(node);
      // The last that went may have been wide: there is room for others again.
      for (const node of folding.toReversed()) if (away.delete(node) && wide()) away.add(node);
      bar.classList.toggle("tight", wide());
      folded.replaceChildren(...places.filter((node) => away.has(node)));
      folded.hidden = !away.size;
    },
  };
}

const press = (node, on) => node.setAttribute("aria-pressed", String(Boolean(on)));

const labelOf = (image) => [image.band, image.title].filter(Boolean).join(" · ") || image.id;

// Options for `list`, made anew only when they are others: an open list stays open.
export function offer(select, list, chosen) {
  const state = JSON.stringify(list.map((image) => [image.id, labelOf(image)]));
  if (select.dataset.state !== state) {
    select.replaceChildren(...list.map((image) => element("option", { value: image.id }, labelOf(image))));
    select.dataset.state = state;
  }
  select.value = chosen ?? "";
}

// Buttons for the images, the colour picture last; a list to choose from when they are many.
export function offerImages(frame, images, three, model, acts) {
  const { list } = images;
  const few = list.length <= MOST_BUTTONS;
  frame.bands.hidden = !few || list.length < 2;
  frame.pick.hidden = few;
  const colour = model.arrangement === "colour" && three;
  const names = list.map(({ name, band, title, id }, k) => {
    const text = name.length <= 3 ? name : String(k + 1);
    return { text, name, id, label: band ? `${band} band` : title || id, title: title || name };
  });
  if (three) {
    const bands = three.map((id) => images.find(id).name).reverse();
    const text = bands.every((one) => one.length <= 2) ? bands.join("") : "RGB";
    names.push({ text, name: text, id: "", label: `Colours of ${bands.join(", ")}`, title: `Colours of ${bands.join(", ")}` });
  }
  const state = JSON.stringify(names);
  if (frame.bands.dataset.state !== state) {
    frame.bands.dataset.state = state;
    const buttons = names.map(({ text, name, id, label, title }) => {
      const node = element("button", { type: "button", title, "aria-label": label, "data-band": name }, text);
      node.addEventListener("click", () => (id ? acts.choose(id) : acts.arrange("colour")));
      return node;
    });
    frame.bands.replaceChildren(...buttons);
  }
  names.forEach(({ id }, k) => press(frame.bands.children[k], id ? !colour && id === model.current : colour));
  offer(frame.pick, list, model.current);
}

// The state of the buttons and lists, from the settings.
export function showSettings(frame, model, settings, counts) {
  for (const [name, node] of Object.entries(frame.arrange)) {
    press(node, model.arrangement === name);
    node.disabled = counts.images < { single: 0, colour: 3 }[name] || (name !== "single" && counts.images < 2);
  }
  frame.arranged.hidden = counts.images < 2;
  const [colour, difference] = [counts.mode === "colour", counts.mode === "difference"];
  frame.stretch.value = settings.stretch;
  frame.cuts.value = settings.limits.length ? "hand" : settings.cuts;
  frame.cmap.value = model.cmap;
  frame.stretch.disabled = frame.cmap.disabled = colour || difference;
  frame.cuts.disabled = colour;
  frame.invert.disabled = colour;
  press(frame.invert, model.invert);
  press(frame.north, model.north_up);
  press(frame.lock, model.lock);
  frame.lock.disabled = counts.images < 2;
  press(frame.mask, Object.keys(model.masks ?? {}).length);
  frame.mask.disabled = !counts.planes;
}

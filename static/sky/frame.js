// The furniture of the sky view: survey chooser, buttons, readout, messages. Knows no Aladin and no Python.
import { element } from "../parts/kit.js";
import { angleText, degreeText, hourText, positionText } from "../parts/sphere.js";
import { choice as chooser, iconButton, voices } from "../parts/viewer.js";
import { Layers } from "./layers.js";

export function buildFrame() {
  const host = element("div", {
    class: "host",
    tabindex: "0",
    role: "application",
    "aria-roledescription": "sky view",
    "aria-label": "Sky. Arrow keys move, plus and minus zoom, 0 shows all rows, R C P L select a region.",
  });
  const choice = chooser("Survey", []);
  const unpressed = { "aria-pressed": "false" };
  const tools = {
    rectangle: iconButton("rectangle", "Select a rectangle (R)", unpressed),
    circle: iconButton("circle", "Select a circle (C)", unpressed),
    polygon: iconButton("polygon", "Select a polygon (P): click corners, double-click ends", unpressed),
    lasso: iconButton("lasso", "Select with a lasso (L)", unpressed),
  };
  const mode = chooser("What a drawn region does; Shift adds, Alt takes away", [
    ["and", "select"],
    ["or", "add"],
    ["and not", "take away"],
  ]);
  const zoomIn = iconButton("in", "Zoom in (+)");
  const zoomOut = iconButton("out", "Zoom out (−)");
  const fit = iconButton("fit", "Show all rows (0)", { disabled: true });
  const layers = new Layers();
  const bar = element(
    "div",
    { class: "bar", role: "toolbar", "aria-label": "Sky tools" },
    choice,
    element("span", { class: "group" }, ...Object.values(tools), mode),
    element("span", { class: "group" }, zoomOut, zoomIn, fit),
    layers.button,
  );
  const place = element("span", { class: "place" });
  const field = element("span", { class: "field" });
  const readout = element("div", { class: "readout", "aria-hidden": "true" }, place, field);
  const root = element("div", { class: "viewer sky-view", role: "group", "aria-label": "Sky view" });
  root.append(host, bar, layers.panel, readout);

  return {
    ...voices(root),
    root,
    host,
    choice,
    tools,
    mode,
    zoomIn,
    zoomOut,
    fit,
    layers,
    section: (name, title) => layers.section(name, title),
    place,
    field,
    press(tool) {
      for (const [name, node] of Object.entries(tools)) node.setAttribute("aria-pressed", String(name === tool));
    },
    offer(surveys, survey) {
      const known = surveys.some((one) => one.url === survey) || !survey ? [] : [{ name: "Other", url: survey }];
      const options = [...surveys, ...known].map(({ name, url }) => element("option", { value: url }, String(name)));
      choice.replaceChildren(...options);
      choice.value = survey;
      choice.hidden = options.length < 1;
    },
  };
}

// The position under the pointer, or of the centre.
export function showReadout(frame, world, fov) {
  if (!world || !fov) return;
  const decimals = Math.max(1, Math.min(5, Math.ceil(-Math.log10(fov)) + 2));
  const text = `${hourText(world[0], decimals + 1)} ${degreeText(world[1], decimals)}`;
  frame.place.textContent = `${text}   ${positionText(...world, fov)}°`;
}

// What the view shows, for eyes at rest and, once it stands still, for screen readers.
export function describe(frame, stage, parts, aloud = false) {
  if (!stage?.view) return;
  const { view } = stage;
  const [ra, dec] = stage.aladin.getRaDec();
  showReadout(frame, [ra, dec], view.fov);
  frame.field.textContent = `${angleText(view.fov)} wide · ${view.kind}`;
  if (!aloud) return;
  const counts = parts.map((part) => part.count?.()).find((count) => count?.all);
  const rows = counts ? `, ${counts.inView.toLocaleString("en")} rows in view` : "";
  frame.tell(`Centre ${hourText(ra, 1)} ${degreeText(dec, 0)}, ${angleText(view.fov)} wide${rows}`);
}

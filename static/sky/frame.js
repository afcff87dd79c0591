// The furniture of the sky view: survey chooser, buttons, readout, messages. Knows no Aladin and no Python.
import { element } from "../parts/kit.js";
import { angleText, degreeText, hourText } from "../parts/sphere.js";
import { choice as chooser, iconButton, voices } from "../parts/viewer.js";
import { Layers } from "./layers.js";
import { Readout } from "./readout.js";

export function buildFrame() {
  const host = element("div", {
    class: "host",
    tabindex: "0",
    role: "application",
    "aria-roledescription": "sky view",
    "aria-label":
      "Sky. Arrow keys move, plus and minus zoom, 0 shows all rows, R C P L select a region, G turns the grid, " +
      "X copies the place, H holds it, S saves a picture, V opens the layers.",
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
  const readout = new Readout();
  const doing = element("button", { type: "button", class: "doing", hidden: true });
  const root = element("div", { class: "viewer sky-view", role: "group", "aria-label": "Sky view" });
  root.append(host, doing, bar, layers.panel, readout.root);

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
    readout,
    doing,
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

// What the view shows, for eyes at rest and, once it stands still, for screen readers.
export function describe(frame, stage, parts, aloud = false) {
  if (!stage?.view) return;
  const { view } = stage;
  const [ra, dec] = stage.aladin.getRaDec();
  if (!frame.readout.lock.checked) frame.readout.show([ra, dec], view.fov);
  frame.readout.describe(view);
  if (!aloud) return;
  const counts = parts.map((part) => part.count?.()).find((count) => count?.all);
  const rows = counts ? `, ${counts.inView.toLocaleString("en")} rows in view` : "";
  frame.tell(`Centre ${hourText(ra, 1)} ${degreeText(dec, 0)}, ${angleText(view.fov)} wide${rows}`);
}

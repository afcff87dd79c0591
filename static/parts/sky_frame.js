// The furniture of the sky view: survey chooser, buttons, readout, messages. Knows no Aladin and no Python.
import { element } from "./kit.js";
import { angleText, degreeText, hourText, positionText } from "./sphere.js";
import { svgElement } from "./sky_marks.js";

const ICONS = {
  rectangle: "M3 5h14v10H3z",
  circle: "M10 3a7 7 0 1 0 .01 0z",
  polygon: "M4 7l8-4 5 7-4 7-9-2z",
  in: "M10 4v12M4 10h12",
  out: "M4 10h12",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4M10 9a1 1 0 1 0 .01 0z",
};

function button(icon, label, more = {}) {
  const picture = svgElement("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" });
  picture.append(svgElement("path", { d: ICONS[icon] }));
  return element("button", { type: "button", title: label, "aria-label": label, ...more }, picture);
}

export function buildFrame() {
  const host = element("div", {
    class: "host",
    tabindex: "0",
    role: "application",
    "aria-roledescription": "sky view",
    "aria-label": "Sky. Arrow keys move, plus and minus zoom, 0 shows all rows, R C P select a region.",
  });
  const choice = element("select", { class: "survey", "aria-label": "Survey", title: "Survey" });
  const tools = {
    rectangle: button("rectangle", "Select a rectangle (R)", { "aria-pressed": "false" }),
    circle: button("circle", "Select a circle (C)", { "aria-pressed": "false" }),
    polygon: button("polygon", "Select a polygon (P): click corners, double-click ends", { "aria-pressed": "false" }),
  };
  const zoomIn = button("in", "Zoom in (+)");
  const zoomOut = button("out", "Zoom out (−)");
  const fit = button("fit", "Show all rows (0)", { disabled: true });
  const bar = element(
    "div",
    { class: "bar", role: "toolbar", "aria-label": "Sky tools" },
    choice,
    element("span", { class: "group" }, ...Object.values(tools)),
    element("span", { class: "group" }, zoomOut, zoomIn, fit),
  );
  const place = element("span", { class: "place" });
  const field = element("span", { class: "field" });
  const readout = element("div", { class: "readout", "aria-hidden": "true" }, place, field);
  const notice = element("div", { class: "notice", role: "status", hidden: true });
  const message = element("div", { class: "message", role: "status", hidden: true });
  const live = element("div", { class: "live", "aria-live": "polite" });
  const root = element("div", { class: "sky-view", role: "group", "aria-label": "Sky view" });
  root.append(host, bar, readout, notice, message, live);

  return {
    root,
    host,
    choice,
    tools,
    zoomIn,
    zoomOut,
    fit,
    place,
    field,
    live,
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
    say(text, wrong) {
      message.textContent = text;
      message.hidden = !text;
      message.classList.toggle("tv-error", Boolean(text) && wrong);
    },
    note(text) {
      notice.textContent = text;
      notice.hidden = !text;
    },
  };
}

// The position under the pointer, or of the centre when `world` is null.
export function showReadout(frame, world, fov) {
  if (!world || !fov) return;
  const decimals = Math.max(1, Math.min(5, Math.ceil(-Math.log10(fov)) + 2));
  const text = `${hourText(world[0], decimals + 1)} ${degreeText(world[1], decimals)}`;
  frame.place.textContent = `${text}   ${positionText(...world, fov)}°`;
}

// What the view shows, for eyes at rest and, once it stands still, for screen readers.
export function describe(frame, stage, aloud = false) {
  const { view, layer } = stage;
  if (!view) return;
  const [ra, dec] = stage.aladin.getRaDec();
  showReadout(frame, [ra, dec], view.fov);
  frame.field.textContent = `${angleText(view.fov)} wide · ${view.kind}`;
  if (!aloud) return;
  const rows = layer.points.count ? `, ${layer.inView.toLocaleString("en")} rows in view` : "";
  frame.live.textContent = `Centre ${hourText(ra, 1)} ${degreeText(dec, 0)}, ${angleText(view.fov)} wide${rows}`;
}

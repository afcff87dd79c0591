// The furniture of the cutout viewer: band buttons, stretch, readout, crosshair, compass and scale bar.
import { element } from "../parts/kit.js";
import { degreeText, hourText, positionText } from "../parts/sphere.js";
import { choice, drawCompass, iconButton, svgElement, voices } from "../parts/viewer.js";

const NICE = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600];

export function buildFrame() {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const host = element(
    "div",
    {
      class: "host",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "image viewer",
      "aria-label": "Cutout. Arrow keys move, plus and minus zoom, 0 shows all; letters choose the band.",
    },
    canvas,
  );
  const bands = element("span", { class: "group bands", role: "group", "aria-label": "Band" });
  const stretch = choice("Stretch", [
    ["asinh", "asinh"],
    ["linear", "linear"],
    ["log", "log"],
  ]);
  const invert = iconButton("invert", "Invert (X)", { "aria-pressed": "false" });
  const mask = iconButton("mask", "Tint bad pixels (M)", { "aria-pressed": "false" });
  const zoomOut = iconButton("out", "Zoom out (−)");
  const zoomIn = iconButton("in", "Zoom in (+)");
  const fit = iconButton("fit", "Show all (0)");
  const bar = element(
    "div",
    { class: "bar", role: "toolbar", "aria-label": "Image tools" },
    bands,
    stretch,
    element("span", { class: "group" }, invert, mask),
    element("span", { class: "group" }, zoomOut, zoomIn, fit),
  );
  const title = element("div", { class: "title" });
  const value = element("span", { class: "value" });
  const place = element("span", { class: "place" });
  const readout = element("div", { class: "readout", "aria-hidden": "true" }, value, place);
  const cross = svgElement("path", { class: "cross", d: "M-26 0H-9M9 0H26M0 -26V-9M0 9V26", visibility: "hidden" });
  const compass = svgElement("g", { class: "compass", role: "img", "aria-label": "Compass" });
  const scale = svgElement("g", { class: "scale" });
  host.append(svgElement("svg", { class: "marks" }, cross, compass, scale));
  const root = element("div", { class: "viewer image-view", role: "group", "aria-label": "Image cutout" });
  root.append(host, title, bar, readout);
  return {
    ...voices(root),
    ...{ root, canvas, host, bands, stretch, invert, mask, zoomIn, zoomOut, fit, title, value, place },
    ...{ cross, compass, scale },
  };
}

// Buttons for the bands of `pixels`, the colour picture last; `chosen(name)` is called by the user's hand.
export function offerBands(frame, pixels, chosen) {
  const names = [...pixels.bands, ...(pixels.colourName ? [pixels.colourName] : [])];
  const buttons = names.map((name) => {
    const colour = name === pixels.colourName && !pixels.bands.includes(name);
    const label = colour ? `Colours of ${[...name].join(", ")}` : `${name} band`;
    const node = element("button", { type: "button", title: label, "aria-label": label, "data-band": name }, name);
    node.addEventListener("click", () => chosen(name));
    return node;
  });
  frame.bands.replaceChildren(...buttons);
}

export function drawMarks(frame, pixels, view) {
  const [x, y] = view.screen(...pixels.header.target);
  frame.cross.setAttribute("visibility", "visible");
  frame.cross.setAttribute("transform", `translate(${x} ${y})`);
  const { north_angle: angle, scale_arcsec: arcsec } = pixels.header;
  frame.compass.replaceChildren();
  frame.scale.replaceChildren();
  if (!arcsec) return;
  const turn = (angle * Math.PI) / 180;
  const north = [-Math.sin(turn), -Math.cos(turn)];
  drawCompass(frame.compass, view.width - 24, view.height - 36, north, [north[1], -north[0]]);
  const perArcsec = view.zoom / arcsec;
  const length = NICE.findLast((n) => n * perArcsec <= Math.max(40, view.width / 4)) ?? NICE[0];
  const bar = length * perArcsec;
  frame.scale.setAttribute("transform", `translate(12 ${view.height - 36})`);
  frame.scale.append(
    svgElement("path", { d: `M0 -4V4M0 0H${bar}M${bar} -4V4` }),
    svgElement("text", { x: bar / 2, y: -7 }, length < 60 ? `${length}″` : `${length / 60}′`),
  );
}

const number = (v) => (Number.isFinite(v) ? v.toPrecision(5).replace("-", "−") : "no value");

// Value and position at the whole pixel under (x, y); of the crosshair when the pointer is elsewhere.
export function showReadout(frame, pixels, places, x, y) {
  const [column, row] = [Math.round(x), Math.round(y)];
  if (!pixels.inside(column, row)) {
    frame.value.textContent = "";
    frame.place.textContent = "";
    return;
  }
  const values = places.map((k) => `${pixels.bands[k]} ${number(pixels.values[k][row * pixels.nx + column])}`);
  const planes = pixels.planesAt(column, row, places);
  frame.value.textContent = [values.join("  "), pixels.header.unit, ...planes].filter(Boolean).join(" ");
  const sky = pixels.skyAt(x, y);
  frame.place.textContent = sky
    ? `${hourText(sky[0], 3)} ${degreeText(sky[1], 2)}   ${positionText(...sky, 0.002)}°`
    : `x ${column}  y ${row}`;
}

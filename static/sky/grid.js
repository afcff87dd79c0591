// A grid of coordinates over the sky view: meridians and parallels of a frame with their labels, in CSS pixels.
import { project } from "./projection.js";
import { fromFrame, toFrame } from "../parts/skyframes.js";
import { degreeText, hourText, radec, unit } from "../parts/sphere.js";

const PARTS = 72; // of a line across the view
const LINES = 5; // about so many across the view
const DEGREES = [45, 30, 20, 10, 5, 2, 1, 1 / 2, 1 / 3, 1 / 6, 1 / 12, 1 / 30, 1 / 60, 1 / 120, 1 / 180, 1 / 360];
const HOURS = [3, 2, 1, 1 / 2, 1 / 3, 1 / 6, 1 / 12, 1 / 30, 1 / 60, 1 / 120, 1 / 180, 1 / 360, 1 / 720, 1 / 1800];

// The widest of the usual steps that gives enough lines; below an arcsecond the decimal ones.
function stepFor(wanted, steps) {
  const found = steps.find((step) => step <= wanted * 1.3);
  if (found) return found;
  const seconds = wanted * 3600;
  const power = 10 ** Math.floor(Math.log10(seconds));
  return ([5, 2, 1].find((one) => one * power <= seconds) * power) / 3600;
}

// The part of the circle that holds all of `angles` (degrees): [start, width].
function arc(angles) {
  const sorted = [...angles].sort((a, b) => a - b);
  let [gap, start] = [sorted[0] + 360 - sorted.at(-1), sorted[0]];
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i] - sorted[i - 1] > gap) [gap, start] = [sorted[i] - sorted[i - 1], sorted[i]];
  }
  return [start, 360 - gap];
}

function extent(view, worldAt, frame) {
  const places = [];
  for (let i = 0; i <= 12; i++) {
    for (let j = 0; j <= 8; j++) {
      const at = worldAt((view.width * i) / 12, (view.height * j) / 8);
      if (at) places.push(radec(toFrame(frame, unit(...at))));
    }
  }
  if (places.length < 4) return null;
  const lats = places.map(([, lat]) => lat);
  let [low, high] = [Math.min(...lats), Math.max(...lats)];
  let [start, width] = arc(places.map(([lon]) => lon));
  const seen = (v) => {
    const out = [0, 0];
    return project(view, ...fromFrame(frame, v), out) && out.every((x, i) => x >= 0 && x <= [view.width, view.height][i]);
  };
  const [north, south] = [seen([0, 0, 1]), seen([0, 0, -1])];
  if (north) high = 90;
  if (south) low = -90;
  if (north || south || width > 300) [start, width] = [0, 360];
  const more = (high - low) / 8;
  if (width < 360) [start, width] = [start - width / 12, Math.min(360, width * (7 / 6))];
  return { low: Math.max(-90, low - more), high: Math.min(90, high + more), start, width };
}

// `at(t)` for t in 0..1 gives a direction in the frame. Runs of pixels, cut where the line leaves the sky or jumps.
function runs(view, frame, at) {
  const out = [];
  let run = [];
  for (let k = 0; k <= PARTS; k++) {
    const pixel = [0, 0];
    const seen = project(view, ...fromFrame(frame, at(k / PARTS)), pixel);
    const last = run.at(-1);
    const jumps = last && Math.hypot(pixel[0] - last[0], pixel[1] - last[1]) > Math.max(view.width, view.height) / 2;
    if ((!seen || jumps) && run.length) {
      out.push(run);
      run = [];
    }
    if (seen) run.push(pixel);
  }
  if (run.length) out.push(run);
  return out.filter((one) => one.length > 1);
}

const within = (n, least, most) => n >= least && n <= most;

// Where a line crosses `edge` of the axis, or null.
function crossing(lines, axis, edge, most) {
  for (const line of lines) {
    for (let i = 1; i < line.length; i++) {
      const [a, b] = [line[i - 1], line[i]];
      if ((a[axis] - edge) * (b[axis] - edge) > 0 || a[axis] === b[axis]) continue;
      const t = (edge - a[axis]) / (b[axis] - a[axis]);
      const along = a[1 - axis] + t * (b[1 - axis] - a[1 - axis]);
      if (within(along, 14, most - 14)) return along;
    }
  }
  return null;
}

// Where the words of a line stand: meridians at the bottom, parallels at the left where they can, else where they do.
function labelPlace(view, lines, axis) {
  const { width, height } = view;
  const bottom = height - 34;
  const edges = {
    left: () => [6, crossing(lines, 0, 6, height - 40), "start"],
    bottom: () => [crossing(lines, 1, bottom, width), bottom, "middle"],
    right: () => [width - 6, crossing(lines, 0, width - 6, height - 120), "end"],
  };
  const order = axis === "lon" ? ["bottom", "left", "right"] : ["left", "right", "bottom"];
  for (const name of order) {
    const [x, y, side] = edges[name]();
    if (x !== null && y !== null) return { x, y, side };
  }
  const inside = lines.flat().filter(([x, y]) => within(x, 40, width - 40) && within(y, 44, bottom));
  const middle = inside[Math.floor(inside.length * 0.4)]; // not where all lines of a round sky meet
  return middle ? { x: middle[0], y: middle[1], side: "middle" } : null;
}

const decimalsOf = (step) => Math.max(0, Math.min(4, Math.ceil(-Math.log10(step * 3600) - 1e-6)));

// "−48°", "−48°10′", "−48°10′20″": as fine as the step.
function degreeLabel(value, step) {
  const sign = value < -1e-9 ? "−" : "";
  if (step >= 1) return `${sign}${Math.abs(value).toFixed(0)}°`;
  const decimals = step >= 1 / 60 ? 0 : decimalsOf(step);
  const unit = step >= 1 / 60 ? 60 : 3600;
  const ticks = Math.round(Math.abs(value) * unit * 10 ** decimals) / 10 ** decimals;
  const two = (n, places = 0) => n.toFixed(places).padStart(places ? places + 3 : 2, "0");
  if (unit === 60) return `${sign}${Math.floor(ticks / 60)}°${two(ticks % 60)}′`;
  return `${sign}${Math.floor(ticks / 3600)}°${two(Math.floor(ticks / 60) % 60)}′${two(ticks % 60, decimals)}″`;
}

// {path, labels: [{x, y, text, side, axis}]} of the grid of `frame` (a name of parts/skyframes.js) in `view`.
export function gridOf(view, worldAt, frame) {
  const room = extent(view, worldAt, frame);
  if (!room) return { path: "", labels: [] };
  const { low, high, start, width } = room;
  const latStep = stepFor((high - low) / LINES, DEGREES);
  const hours = frame === "icrs";
  const lonStep = stepFor(width / (LINES + 1) / (hours ? 15 : 1), hours ? HOURS : DEGREES) * (hours ? 15 : 1);
  const labels = [];
  const parts = [];
  const draw = (lines, text, axis) => {
    for (const line of lines) parts.push(`M${line.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`);
    const at = labelPlace(view, lines, axis);
    if (at) labels.push({ ...at, text, axis });
  };
  for (let n = Math.ceil(low / latStep); n * latStep <= high + 1e-12; n++) {
    const lat = n * latStep;
    if (Math.abs(lat) > 89.99999) continue;
    const text = hours ? degreeText(lat, decimalsOf(latStep)) : degreeLabel(lat, latStep);
    draw(runs(view, frame, (t) => unit(start + width * t, lat)), text, "lat");
  }
  const most = width >= 360 ? Math.round(360 / lonStep) - 1 : Infinity;
  const first = Math.ceil(start / lonStep);
  for (let n = first; n * lonStep <= start + width + 1e-12 && n - first <= most; n++) {
    const lon = (((n * lonStep) % 360) + 360) % 360;
    const text = hours ? hourText(lon, decimalsOf(lonStep / 15)) : degreeLabel(lon, lonStep);
    draw(runs(view, frame, (t) => unit(lon, low + (high - low) * t)), text, "lon");
  }
  return { path: parts.join(""), labels };
}

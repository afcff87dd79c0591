// The section "View" of the layers: projection, grid, form of positions, furniture, the picture. Kept in this browser.
import { element } from "../parts/kit.js";
import { FORMS, FRAMES } from "../parts/skyframes.js";
import { choice } from "../parts/viewer.js";
import { KINDS } from "./projection.js";

const KEPT = "tv-sky-view";
const COLOUR = "#ffffff";
const TITLES = {
  TAN: "Tangential (TAN)",
  SIN: "Orthographic (SIN)",
  STG: "Stereographic (STG)",
  ZEA: "Equal-area zenithal (ZEA)",
  AIT: "Aitoff (AIT)",
  MOL: "Mollweide (MOL)",
  MER: "Mercator (MER)",
};
const PLAIN = { kind: "", grid: "", form: "both", compass: true, scale: true, reticle: false, colour: COLOUR };

const row = (label, node) => element("label", { class: "row" }, element("span", {}, label), node);

// What this browser keeps, as far as it can be used.
function kept() {
  let found = {};
  try {
    found = JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    found = {}; // storage is off, or holds something else
  }
  const given = { ...PLAIN, ...found };
  return {
    kind: given.kind in KINDS ? given.kind : "",
    grid: given.grid in FRAMES ? given.grid : "",
    form: given.form in FORMS ? given.form : "both",
    compass: given.compass !== false,
    scale: given.scale !== false,
    reticle: given.reticle === true,
    colour: /^#[0-9a-f]{6}$/i.test(given.colour) ? given.colour : COLOUR,
  };
}

// Fills `body`; `apply(settings)` is told now and at each change, `save()` when the picture is wanted.
// `plain`: the view changes its projection by itself only. Returns {turn(name)}: the next grid, or a furniture on or off, for keys.
export function viewSection(body, apply, save, plain = false) {
  const settings = kept();
  const kinds = choice("Projection", [["", "By width: TAN, AIT"], ...Object.keys(TITLES).map((kind) => [kind, TITLES[kind]])]);
  const grid = choice("Grid", [["", "none"], ...Object.entries(FRAMES).map(([name, { title }]) => [name, title])]);
  const form = choice("Positions", Object.entries(FORMS));
  const ticks = Object.fromEntries(
    [["compass", "Compass"], ["scale", "Scale bar"], ["reticle", "Centre"]].map(([name, title]) => {
      const box = element("input", { type: "checkbox" });
      return [name, { box, label: element("label", { class: "tick" }, box, title) }];
    }),
  );
  const colour = element("input", { type: "color", "aria-label": "Colour of grid, compass, scale and centre" });
  const picture = element("button", { type: "button", title: "Save this view as a picture (S)" }, "Save picture (PNG)");
  const show = () => {
    [kinds.value, grid.value, form.value, colour.value] = [settings.kind, settings.grid, settings.form, settings.colour];
    for (const name of Object.keys(ticks)) ticks[name].box.checked = settings[name];
  };
  const change = (changes) => {
    Object.assign(settings, changes);
    try {
      localStorage.setItem(KEPT, JSON.stringify(settings));
    } catch {
      // a browser that keeps nothing still shows it
    }
    show();
    apply(settings);
  };
  kinds.addEventListener("change", () => change({ kind: kinds.value }));
  grid.addEventListener("change", () => change({ grid: grid.value }));
  form.addEventListener("change", () => change({ form: form.value }));
  colour.addEventListener("input", () => change({ colour: colour.value }));
  for (const [name, { box }] of Object.entries(ticks)) box.addEventListener("change", () => change({ [name]: box.checked }));
  picture.addEventListener("click", save);
  body.append(
    ...(plain ? [] : [row("Projection", kinds)]),
    row("Grid", grid),
    row("Positions", form),
    element("div", { class: "row" }, ...Object.values(ticks).map(({ label }) => label), colour),
    element("div", { class: "row" }, picture),
  );
  show();
  apply(settings);
  const frames = ["", ...Object.keys(FRAMES)];
  return {
    turnGrid: () => change({ grid: frames[(frames.indexOf(settings.grid) + 1) % frames.length] }),
  };
}

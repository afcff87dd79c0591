// The section "Surveys" of the layers: the list with its search, and how base and overlay are drawn.
import { element } from "../parts/kit.js";
import { choice } from "../parts/viewer.js";
import { cutsOf, SLOTS, STRETCHES } from "./imagery.js";

const TITLES = { base: "Base", overlay: "Overlay" };
const FORMATS = { png: "Picture (PNG)", jpeg: "Picture (JPEG)", webp: "Picture (WebP)", fits: "Values (FITS)" };

const number = (value) => String(Number(value.toPrecision(6)));

const row = (label, ...nodes) => element("label", { class: "row" }, element("span", {}, label), ...nodes);

// The controls of one slot; `show(now)` brings them up to what imagery says.
function looks(slot, imagery) {
  const name = element("strong", { class: "cut" });
  const act = (changes) => imagery.adjust(slot, changes);
  const format = choice(`Tiles of the ${slot}`, []);
  const map = choice(`Colour map of the ${slot}`, imagery.maps.map((one) => [one, one === "native" ? "as it is" : one]));
  const stretch = choice(`Stretch of the ${slot}`, STRETCHES.map((one) => [one, one === "pow2" ? "squared" : one]));
  const invert = element("input", { type: "checkbox", "aria-label": `Invert the ${slot}` });
  const opacity = element("input", { type: "range", min: 0, max: 1, step: 0.05, "aria-label": `Opacity of the ${slot}` });
  const ends = ["lower", "upper"].map((end) =>
    element("input", { class: "mono", inputmode: "decimal", size: 7, "aria-label": `Cut of the ${slot}, ${end}` }),
  );
  const unit = element("span", { class: "muted cut" });
  const reset = element("button", { type: "button", class: "quiet", title: "As the survey says" }, "Reset");
  const away = element("button", { type: "button", class: "quiet", hidden: slot === "base" }, "Remove");
  const formats = row("Tiles", format);
  const box = element(
    "div",
    { class: `looks ${slot}`, role: "group", "aria-label": `${TITLES[slot]} survey`, hidden: true },
    element("div", { class: "row" }, element("span", { class: "muted" }, TITLES[slot]), name),
    row("Opacity", opacity),
    formats,
    row("Colours", map),
    row("Stretch", stretch),
    element("div", { class: "row" }, element("span", {}, "Cuts"), ...ends, unit),
    element("div", { class: "row" }, element("label", { class: "tick" }, invert, "Invert"), reset, away),
  );
  format.addEventListener("change", () => act({ format: format.value }));
  map.addEventListener("change", () => act({ colormap: map.value }));
  stretch.addEventListener("change", () => act({ stretch: stretch.value }));
  invert.addEventListener("change", () => act({ invert: invert.checked }));
  opacity.addEventListener("input", () => act({ opacity: Number(opacity.value) }));
  const cut = () => {
    const cuts = ends.map((end) => Number(end.value.replace("−", "-")));
    const good = cuts.every(Number.isFinite) && cuts[0] < cuts[1] && ends.every((end) => end.value.trim());
    for (const end of ends) end.setAttribute("aria-invalid", String(!good));
    if (good) act({ cuts });
  };
  for (const end of ends) end.addEventListener("change", cut);
  reset.addEventListener("click", () => imagery.reset(slot));
  away.addEventListener("click", () => imagery.show("overlay", ""));
  const show = (now) => {
    box.hidden = !now;
    if (!now) return;
    const { survey, look } = now;
    name.textContent = survey.name;
    name.title = [survey.name, survey.credit].filter(Boolean).join(" · ");
    format.replaceChildren(...survey.formats.map((one) => element("option", { value: one }, FORMATS[one])));
    formats.hidden = survey.formats.length < 2;
    [format.value, map.value, stretch.value] = [look.format, look.colormap, look.stretch];
    invert.checked = look.invert;
    opacity.value = look.opacity;
    ends.forEach((end, i) => {
      end.value = number(cutsOf(look)[i]);
      end.setAttribute("aria-invalid", "false");
    });
    unit.textContent = look.format === "fits" ? survey.unit || "in units of the tiles" : "of 255";
    unit.title = unit.textContent;
  };
  return { box, show };
}

// Fills `body` and returns {offer(surveys), show()}. `choose(slot, url)` is told what the user takes.
export function surveySection(body, imagery, choose) {
  const search = element("input", { type: "search", placeholder: "Title or band", "aria-label": "Search surveys" });
  const list = element("ul", { class: "survey-list", "aria-label": "Surveys" });
  const none = element("p", { class: "muted", hidden: true }, "No survey has these words.");
  const boxes = Object.fromEntries(SLOTS.map((slot) => [slot, looks(slot, imagery)]));
  body.append(search, list, none, ...SLOTS.map((slot) => boxes[slot].box));
  let rows = [];

  const sift = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    // A single letter is a band, and stands alone.
    const has = (text, word) => (word.length > 1 ? text.includes(word) : text.split(/[^a-z0-9]+/).includes(word));
    for (const { item, text } of rows) item.hidden = !words.every((word) => has(text, word));
    none.hidden = rows.length === 0 || rows.some(({ item }) => !item.hidden);
  };
  search.addEventListener("input", sift);

  const show = () => {
    for (const { url, base, overlay } of rows) {
      base.setAttribute("aria-pressed", String(imagery.wanted.base === url));
      overlay.setAttribute("aria-pressed", String(imagery.wanted.overlay === url));
    }
    for (const slot of SLOTS) boxes[slot].show(imagery[slot]);
  };

  const offer = (surveys) => {
    rows = surveys.map(({ name, url, band = "", about = "" }) => {
      const title = [name, about].filter(Boolean).join("\n");
      const base = element("button", { type: "button", class: "name cut", title }, String(name));
      const words = `Lay ${name} over the base`;
      const overlay = element("button", { type: "button", class: "over", title: words, "aria-label": words }, "Overlay");
      const item = element("li", {}, base, element("span", { class: "muted" }, band), overlay);
      base.addEventListener("click", () => choose("base", url));
      overlay.addEventListener("click", () => choose("overlay", imagery.wanted.overlay === url ? "" : url));
      return { url, item, base, overlay, text: `${name} ${band} ${about}`.toLowerCase() };
    });
    list.replaceChildren(...rows.map(({ item }) => item));
    search.hidden = rows.length < 2;
    sift();
    show();
  };
  return { offer, show };
}

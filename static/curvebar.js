// The line above a light curve: whose it is, flux or magnitude, which flux, its rows as a table, export.
import controls from "./parts/controls.css";
import { addStyle, element, gesture } from "./parts/kit.js";

const sheet = `
  .bar { border-bottom: 1px solid var(--tv-line, #d8dee4); min-height: 34px; flex-wrap: wrap; gap: 2px 4px; }
  .title { flex: 1 1 130px; }
  .bar button { padding: 2px 6px; }
  .group { display: inline-flex; }
  .group button { border-radius: 0; margin-left: -1px; }
  .group button:first-child { border-radius: 6px 0 0 6px; margin-left: 0; }
  .group button:last-child { border-radius: 0 6px 6px 0; }
`;

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const title = element("span", { class: "cut title mono" });
  const series = element("select", { "aria-label": "Which time series", title: "Which time series" });
  const group = (items, name) => {
    const buttons = items.map(([value, words, hint]) => {
      const button = element("button", { title: hint, "data-value": value }, words);
      button.addEventListener("click", () => gesture(model, name, { value }));
      return button;
    });
    return element("span", { class: "group", role: "group" }, ...buttons);
  };
  const units = group([["nJy", "nJy", "Flux in nJy"], ["AB mag", "AB mag", "AB magnitude = 31.4 - 2.5 log10(flux / nJy)"]], "united");
  const kinds = group([["direct", "direct", "Forced flux on the visit image"], ["difference", "diff.", "Forced flux on the difference image"]], "fluxed");
  const table = element("button", { class: "quiet", "aria-label": "Table", title: "Open these rows as a result of their own" }, "▤");
  const exporting = element("div");
  exporting.append(model.get_child("export"));
  el.append(element("div", { class: "bar" }, title, series, kinds, units, table, exporting));

  const sync = () => {
    title.textContent = model.title;
    title.title = model.title;
    table.disabled = !model.ready;
    for (const button of units.children) button.setAttribute("aria-pressed", String(button.dataset.value === model.unit));
    for (const button of kinds.children) button.setAttribute("aria-pressed", String(button.dataset.value === model.kind));
    series.hidden = model.series.length < 2;
    series.replaceChildren(...model.series.map((name, place) => element("option", { value: place, selected: place === model.chosen }, name)));
  };
  series.addEventListener("change", () => gesture(model, "served", { place: Number(series.value) }));
  table.addEventListener("click", () => gesture(model, "tabled"));
  for (const name of ["title", "unit", "kind", "ready", "series", "chosen"]) model.on(name, sync);
  sync();
}

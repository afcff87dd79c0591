// Profiles: all columns at a glance, one closely, and values to tick; fetched while they are looked at.
import controls from "./parts/controls.css";
import { addStyle, element, gesture } from "./parts/kit.js";
import { All } from "./profile/all.js";
import { Facets } from "./profile/facets.js";
import { Questions } from "./profile/feed.js";
import { One } from "./profile/one.js";
import sheet from "./profile/profile.css";

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const questions = new Questions();
  const parts = { all: new All(model, questions), facets: new Facets(model, questions), one: new One(model, questions) };
  const fresh = { all: "", facets: "", one: "" }; // what each part was last drawn for
  let list = "all"; // which of the two lists is shown when no column is
  const tab = (name, words) => {
    const button = element("button", { role: "tab", "data-tab": name }, words);
    button.addEventListener("click", () => {
      list = name;
      if (model.column) gesture(model, "opened", { column: "" });
      else sync();
    });
    return button;
  };
  const tabs = element("div", { class: "tabs", role: "tablist" }, tab("all", "All columns"), tab("facets", "Values to tick"));
  const empty = element("p", { class: "muted", role: "status" });
  const body = element("div", { class: "body" }, tabs, empty, parts.all.element, parts.facets.element, parts.one.element);
  el.append(body);

  const sync = () => {
    const shown = model.message ? "" : model.column ? "one" : list;
    empty.textContent = model.message;
    empty.hidden = !model.message;
    for (const button of tabs.children) button.setAttribute("aria-selected", String(button.dataset.tab === shown));
    for (const [name, part] of Object.entries(parts)) part.element.hidden = name !== shown;
    if (!shown) return;
    // A part that is hidden keeps what it shows and reads anew when it is shown again.
    const names = JSON.stringify(model.columns.map(({ name }) => name));
    const [before, columns] = [fresh[shown], `${names} ${shown === "one" ? model.column : ""}`];
    fresh[shown] = `${columns} ${model.version}`;
    if (before === fresh[shown]) return;
    if (shown === "one") parts.one.fetch();
    else if (before.startsWith(columns)) parts[shown].again();
    else parts[shown].columns();
  };
  let planned = false;
  const plan = () => {
    if (planned) return;
    planned = true;
    queueMicrotask(() => {
      planned = false;
      sync();
    });
  };
  model.on("version", () => {
    questions.drop();
    plan();
  });
  model.on("filters", () => {
    parts.one.head();
    plan();
  });
  for (const name of ["columns", "column", "message"]) model.on(name, plan);
  model.on("remove", () => {
    questions.drop();
    parts.all.sight.disconnect();
  });
  sync();
}

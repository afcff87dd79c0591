// The upload panel: a file comes, is looked at, corrected and opened; tables are named for queries.
import controls from "./parts/controls.css";
import { addStyle, element } from "./parts/kit.js";
import { Arrive } from "./upload/arrive.js";
import { File } from "./upload/file.js";
import { Queries } from "./upload/queries.js";
import sheet from "./upload/upload.css";

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const problem = element("div", { class: "problem tv-error", role: "alert", hidden: true });
  const fail = (words) => {
    problem.hidden = !words?.length;
    problem.replaceChildren(...(words?.length ? [element("strong", {}, words[0]), " ", words[1] ?? ""] : []));
  };
  const file = new File(model, fail);
  const arrive = new Arrive(model, (staged, note = "") => {
    show("file");
    arrive.compact(true);
    file.take(staged, note);
  }, fail);
  const queries = new Queries(model);

  const tabs = { file: element("button", { role: "tab" }, "A file"), queries: element("button", { role: "tab" }) };
  const bodies = { file: element("div", { class: "body" }, arrive.node, file.node), queries: queries.node };
  const drop = arrive.drop;
  const panel = element("div", { class: "panel" }, element("div", { class: "tabs", role: "tablist", "aria-label": "Upload" }, tabs.file, tabs.queries),
    element("div", { style: "padding: 8px 12px 0" }, problem), bodies.file, bodies.queries, file.foot);
  el.append(panel);

  let shown = "file";
  function show(name) {
    shown = name;
    for (const [key, tab] of Object.entries(tabs)) {
      tab.setAttribute("aria-selected", String(key === name));
      bodies[key].hidden = key !== name;
    }
    file.foot.hidden = name !== "file" || !file.ready;
    if (name === "queries") queries.load();
  }
  for (const name of Object.keys(tabs)) tabs[name].addEventListener("click", () => { fail(null); show(name); });
  const count = () => { tabs.queries.textContent = `In queries (${model.uploads.length})`; };
  count();
  show(model.uploads.length && !document.tvDropped && !arrive.request ? "queries" : "file");

  // The frame of the page takes files that fall anywhere; here the place for them only lights up.
  panel.addEventListener("dragover", () => drop.classList.add("over"));
  for (const name of ["dragleave", "drop"]) panel.addEventListener(name, () => drop.classList.remove("over"));

  model.on("problem", () => fail(model.problem));
  model.on("fetching", () => arrive.sync());
  model.on("staged", () => model.staged.file && arrive.arrived(model.staged));
  model.on(["making", "service"], () => {
    if (model.making && shown === "file") show("queries");
    queries.drawLines();
  });
  model.on("results", () => queries.drawResult());
  model.on(["uploads", "inline"], () => {
    count();
    queries.draw();
  });
  model.on("remove", () => arrive.remove());
}

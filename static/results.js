// The line above the results: a tab each, undo and redo, export, the layouts; below it what is marked and filtered.
import controls from "./parts/controls.css";
import { addStyle, element, gesture } from "./parts/kit.js";
import { chipRow } from "./results/chips.js";
import sheet from "./results/results.css";
import { tabRow } from "./results/tabs.js";

const PICTURES = {
  tri: [[0, 0, 8, 6], [10, 0, 8, 6], [0, 8, 18, 6]],
  "sky-table": [[0, 0, 18, 6], [0, 8, 18, 6]],
  "sky-chart": [[0, 0, 8, 14], [10, 0, 8, 14]],
  "chart-table": [[0, 0, 18, 9], [0, 11, 18, 3]],
};
const NAMES = { tri: "Tri-view", "sky-table": "Sky and table", "sky-chart": "Sky and chart", "chart-table": "Chart and table" };
const SINGLE = { sky: "Sky", chart: "Chart", table: "Table" };

function picture(boxes) {
  const NS = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", "0 0 18 14");
  for (const [x, y, width, height] of boxes) {
    const rect = document.createElementNS(NS, "rect");
    for (const [name, value] of Object.entries({ x, y, width, height, rx: 1, fill: "currentColor" })) rect.setAttribute(name, value);
    svg.append(rect);
  }
  return svg;
}

const typing = (event) => event.composedPath().some((node) => node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName ?? ""));

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const tabs = tabRow(model);
  const chips = chipRow(model);
  const layouts = element("div", { class: "layouts", role: "group", "aria-label": "Layout" });
  const exporting = element("div");
  exporting.append(model.get_child("export"));
  const undo = element("button", { class: "quiet" }, "↶");
  const redo = element("button", { class: "quiet" }, "↷");
  const tools = element("div", { class: "tools", role: "group", "aria-label": "Undo and redo" }, undo, redo);
  const join = element("button", { title: "Join two results, by position or by an id" }, "Join …");
  join.addEventListener("click", () => gesture(model, "combined"));
  el.append(element("div", { class: "bar" }, tabs.root, element("span", { class: "grow" }), tools, join, exporting, layouts), chips.root, tabs.menu);

  const buttons = {};
  for (const [layout, boxes] of Object.entries(PICTURES)) {
    buttons[layout] = element("button", { title: NAMES[layout], "aria-label": NAMES[layout], "data-layout": layout }, picture(boxes));
    buttons[layout].addEventListener("click", () => gesture(model, "arranged", { layout }));
  }
  const single = element("select", { "aria-label": "One view alone", title: "One view alone" }, element("option", { value: "" }, "one view"),
    ...Object.entries(SINGLE).map(([value, words]) => element("option", { value }, words)));
  single.addEventListener("change", () => single.value && gesture(model, "arranged", { layout: single.value }));
  layouts.append(...Object.values(buttons), single);

  const drawLayout = () => {
    for (const [layout, button] of Object.entries(buttons)) button.setAttribute("aria-pressed", String(layout === model.layout));
    single.value = model.layout in SINGLE ? model.layout : "";
  };
  const drawTools = () => {
    for (const [button, name, words, keys] of [[undo, "Undo", model.undo, "Ctrl+Z"], [redo, "Redo", model.redo, "Ctrl+Shift+Z"]]) {
      button.disabled = !words;
      button.title = words ? `${name}: ${words} (${keys})` : `Nothing to ${name.toLowerCase()}`;
      button.setAttribute("aria-label", words ? `${name} ${words}` : name);
    }
  };
  undo.addEventListener("click", () => gesture(model, "stepped", { back: true }));
  redo.addEventListener("click", () => gesture(model, "stepped", { back: false }));
  const onKey = (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || typing(event)) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    gesture(model, "stepped", { back: key === "z" && !event.shiftKey });
    event.preventDefault();
  };
  document.addEventListener("keydown", onKey);
  const drawTabs = () => {
    tabs.draw();
    join.hidden = model.tabs.length < 2;
  };
  model.on(["tabs", "active"], drawTabs);
  model.on(["chips", "total", "sets"], chips.draw);
  model.on("layout", drawLayout);
  model.on(["undo", "redo"], drawTools);
  model.on("remove", () => {
    document.removeEventListener("keydown", onKey);
    tabs.end();
  });
  drawTabs();
  chips.draw();
  drawLayout();
  drawTools();
}

// The line above the results: a tab each, what is marked and filtered as chips, the layouts.
import controls from "./parts/controls.css";
import { addStyle, element, gesture } from "./parts/kit.js";

const sheet = `
  .bar { padding: 2px 8px 6px; flex-wrap: wrap; row-gap: 4px; }
  .tabs { display: flex; gap: 4px; min-width: 0; flex-wrap: wrap; }
  .tab { display: inline-flex; align-items: center; border: 1px solid var(--tv-line, #d8dee4); border-radius: 7px; background: var(--tv-panel, #fff); max-width: 300px; }
  .tab[data-active] { border-color: var(--tv-accent, #0b6bcb); box-shadow: inset 0 -2px 0 var(--tv-accent, #0b6bcb); }
  .tab button { border: 0; background: transparent; }
  .tab .title { overflow: hidden; text-overflow: ellipsis; display: inline-block; max-width: 230px; }
  .tab .close { padding: 3px 7px 3px 2px; color: var(--tv-muted, #656d76); }
  .tab i { font-style: normal; color: var(--tv-muted, #656d76); }
  .tab .mark { color: var(--tv-warn, #9a6700); font-weight: 600; }
  .chip { display: inline-flex; align-items: center; gap: 4px; border-radius: 12px; padding: 1px 4px 1px 9px; max-width: 260px;
    background: var(--tv-selected, #fff3c9); border: 1px solid var(--tv-line, #d8dee4); }
  .chip.filter, .chip.condition { background: var(--tv-hover, #eef3f8); }
  .chip button { border: 0; background: transparent; padding: 0 4px; min-height: 20px; }
  .layouts button { width: 30px; padding: 3px; justify-content: center; }
  .layouts svg { width: 18px; height: 14px; }
  .overflow { color: var(--tv-warn, #9a6700); font-weight: 600; }
`;
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

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const tabs = element("div", { class: "tabs", role: "tablist", "aria-label": "Results" });
  const chips = element("div", { class: "tabs" });
  const layouts = element("div", { class: "tabs layouts", role: "group", "aria-label": "Layout" });
  const exporting = element("div");
  exporting.append(model.get_child("export"));
  el.append(element("div", { class: "bar" }, tabs, chips, element("span", { class: "grow" }), exporting, layouts));

  const buttons = {};
  for (const [layout, boxes] of Object.entries(PICTURES)) {
    buttons[layout] = element("button", { title: NAMES[layout], "aria-label": NAMES[layout], "data-layout": layout }, picture(boxes));
    buttons[layout].addEventListener("click", () => gesture(model, "arranged", { layout }));
  }
  const single = element("select", { "aria-label": "One view alone", title: "One view alone" }, element("option", { value: "" }, "one view"),
    ...Object.entries(SINGLE).map(([value, words]) => element("option", { value }, words)));
  single.addEventListener("change", () => single.value && gesture(model, "arranged", { layout: single.value }));
  layouts.append(...Object.values(buttons), single);

  const drawTabs = () => {
    tabs.replaceChildren(...model.tabs.map((tab) => {
      const title = element("button", { role: "tab", "aria-selected": String(tab.key === model.active), title: tab.note },
        element("span", { class: "title" }, tab.title), " ", element("i", {}, tab.count));
      if (tab.overflow) title.append(element("span", { class: "mark", title: "The service cut the rows at the limit (OVERFLOW)" }, " cut"));
      const close = element("button", { class: "close", "aria-label": `Close ${tab.title}`, title: "Close" }, "×");
      title.addEventListener("click", () => gesture(model, "opened", { key: tab.key }));
      close.addEventListener("click", () => gesture(model, "closed", { key: tab.key }));
      return element("span", { class: "tab", "data-active": tab.key === model.active }, title, close);
    }));
  };
  const drawChips = () => {
    chips.replaceChildren(...model.chips.map((chip) => {
      const undo = element("button", { "aria-label": `Remove ${chip.label}`, title: "Remove" }, "✕");
      undo.addEventListener("click", () => gesture(model, "removed", { kind: chip.kind, name: chip.name }));
      return element("span", { class: `chip ${chip.kind}`, title: chip.label }, element("span", { class: "cut" }, chip.label), undo);
    }));
    if (model.chips.some((chip) => chip.kind === "marked")) {
      const keep = element("button", { class: "quiet", title: "Show only the marked rows, in every view" }, "Filter to marked");
      keep.addEventListener("click", () => gesture(model, "kept"));
      chips.append(keep);
    }
  };
  const drawLayout = () => {
    for (const [layout, button] of Object.entries(buttons)) button.setAttribute("aria-pressed", String(layout === model.layout));
    single.value = model.layout in SINGLE ? model.layout : "";
  };
  model.on("tabs", drawTabs);
  model.on("active", drawTabs);
  model.on("chips", drawChips);
  model.on("layout", drawLayout);
  drawTabs();
  drawChips();
  drawLayout();
}

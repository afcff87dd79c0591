// The page's frame: header, search, results, panes with dividers. Draws no data; holds the other views as children.
import controls from "./parts/controls.css";
import sheet from "./parts/layout.css";
import { addStyle, element, gesture } from "./parts/kit.js";

const KEYS = [
  ["Ctrl+Enter", "run the query in the editor"],
  ["Ctrl+Space", "complete a name in the editor"],
  ["Arrow keys, Page Up/Down, Home/End", "move in the table; with Ctrl to its first and last row"],
  ["Enter / Space / Shift+Space", "make a row current / mark it / mark all from the last one marked"],
  ["F2, S, F, O", "in the table: menu of the column, sort by it, filter it, open a link"],
  ["Ctrl+C", "copy the cell; in a marked row all marked rows"],
  ["Shift / Alt while drawing", "add the region to what is marked / take it away"],
  ["Ctrl+Z / Ctrl+Shift+Z", "undo / redo: sort, filter, marks, axes, tabs, a closed result"],
  ["Left / Right, Enter, F2, Delete", "on a tab: go to the next, open, rename, close; with Ctrl the arrows move it"],
  ["Alt+1 … Alt+7", "layouts: tri-view, sky+table, sky+chart, chart+table, sky, chart, table"],
  ["Alt+Q", "show or hide the search part"],
  ["Alt+D", "show or hide light curve and image"],
  ["V, G, X, H, S", "on the sky: layers, next grid, copy the position, hold it, save a picture"],
  ["Alt+S / Alt+I", "the sky pane shows the sky / the images"],
  ["Alt+U", "upload a table; files can be dropped anywhere"],
  ["?", "this help"],
];
const LAYOUTS = ["tri", "sky-table", "sky-chart", "chart-table", "sky", "chart", "table"];
const LOGO = "M3 9a6 6 0 1 0 12 0a6 6 0 1 0-12 0M9 0v4M9 14v4M0 9h4M14 9h4M9 7.5a1.5 1.5 0 1 0 .01 0";

function logo() {
  const NS = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", "0 0 18 18");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(NS, "path");
  for (const [name, value] of [["d", LOGO], ["fill", "none"], ["stroke", "currentColor"], ["stroke-width", "1.4"]]) path.setAttribute(name, value);
  svg.append(path);
  return svg;
}

// A divider: drags, or moves with the arrow keys; the size is a CSS variable on the page, kept in this browser.
function divider(page, { vertical, variable, label, name, size }) {
  const bar = element("div", { class: `${vertical ? "bar-x" : "bar-y"} ${name}`, role: "separator", tabindex: "0",
    "aria-label": label, "aria-orientation": vertical ? "vertical" : "horizontal" });
  const place = (value) => {
    page.style.setProperty(variable, value);
    try { localStorage.setItem(`tv${variable}`, value); } catch { /* private windows keep nothing */ }
  };
  let kept = null;
  try { kept = localStorage.getItem(`tv${variable}`); } catch { /* as above */ }
  if (kept && /^[\d.]+(%|px)$/.test(kept)) page.style.setProperty(variable, kept);
  bar.addEventListener("pointerdown", (down) => {
    bar.setPointerCapture(down.pointerId);
    const move = (event) => place(size(event.clientX, event.clientY));
    bar.addEventListener("pointermove", move);
    bar.addEventListener("pointerup", () => bar.removeEventListener("pointermove", move), { once: true });
    down.preventDefault();
  });
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -24, ArrowUp: -24, ArrowRight: 24, ArrowDown: 24 }[event.key];
    if (!step) return;
    const box = bar.getBoundingClientRect();
    place(size(box.left + step, box.top + step));
    event.preventDefault();
  });
  return bar;
}

// The frame of a tool panel: a title, a way out, and room for what Python puts there.
function toolPanel(kind, label) {
  const title = element("strong", { class: "grow cut" });
  const close = element("button", { class: "quiet", "aria-label": "Close this panel", title: "Close (Esc)" }, "×");
  const body = element("div", { class: "fill" });
  const node = element("section", { class: `tool ${kind}`, "aria-label": label, tabindex: "-1", hidden: true },
    element("div", { class: "bar" }, title, close), body);
  // Focus goes in when the panel opens and back to where it was when it closes.
  let from = null;
  const set = (words) => {
    if (title.textContent === words && node.hidden === !words) return;
    const opens = node.hidden && words;
    title.textContent = words;
    node.hidden = !words;
    if (words) node.setAttribute("aria-label", words);
    if (opens) {
      from = deepest(document);
      if (kind === "over") node.focus();
    } else if (!words) {
      from?.focus?.();
      from = null;
    }
  };
  return { element: node, body, close, set };
}

function deepest(root) {
  const active = root.activeElement;
  return active?.shadowRoot?.activeElement ? deepest(active.shadowRoot) : active;
}

const percent = (part, whole) => `${Math.min(85, Math.max(12, (100 * part) / whole)).toFixed(2)}%`;

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const page = element("div", { class: "page" });
  const show = (name, parent) => parent.append(model.get_child(name));

  // header
  const target = element("input", { class: "target mono tv-target", type: "search", placeholder: "name, coordinates or objectId",
    "aria-label": "Go to a name, coordinates or an objectId" });
  const search = element("button", { class: "quiet", title: "Show or hide the search part (Alt+Q)" }, "Catalogs");
  const details = element("button", { class: "quiet", title: "Show or hide light curve and image (Alt+D)" }, "Details");
  const upload = element("button", { class: "quiet", title: "Upload a table, or drop a file anywhere on the page (Alt+U)" }, "Upload");
  const jobsButton = element("button", { class: "quiet", "aria-haspopup": "true", "aria-expanded": "false" }, "Jobs");
  const dark = element("button", { class: "quiet", "aria-label": "Light or dark", title: "Light or dark" });
  const help = element("button", { class: "quiet", "aria-label": "Keys and help", title: "Keys (?)" }, "?");
  const service = element("span", { class: "service cut muted" });
  const header = element("header", {}, element("span", { class: "name" }, logo(), "Triview"), search, details, upload, service,
    element("span", { class: "grow" }), target, jobsButton, dark, help);
  const trouble = element("div", { class: "trouble tv-error", role: "alert" });
  const jobs = element("div", { class: "menu jobs", hidden: true });
  show("jobs", jobs);

  // search
  const searchPart = element("section", { class: "search tv-search", "aria-label": "Search" });
  const schema = element("div");
  const write = element("div", { class: "write" });
  const edit = element("div", { class: "edit" });
  const examples = element("div");
  show("schema", schema);
  show("editor", edit);
  write.append(edit);
  show("run", write);
  show("examples", examples);
  searchPart.append(schema, write, examples);

  // results
  const results = element("div", { class: "results" });
  show("results", results);
  const rows = element("main", { class: "rows" });
  const top = element("div", { class: "row top" });
  const low = element("div", { class: "row low" });
  const pane = (name, ...inner) => {
    const node = element("section", { class: `pane ${name}`, "aria-label": name }, ...inner);
    return node;
  };
  const fill = (name) => {
    const node = element("div", { class: "fill" });
    show(name, node);
    return node;
  };
  // The sky pane has two faces. The one not shown keeps its size, so that its view is the same when it comes back.
  const faces = [["sky", "Sky", "The sky (Alt+S)"], ["image", "Images", "Images (Alt+I)"]].map(([face, words, title]) =>
    element("button", { class: "quiet", role: "tab", title, "data-face": face }, words));
  const linked = element("button", { class: "quiet linked", title: "Sky and images share centre and field" }, "Linked");
  const which = element("div", { class: "frames" });
  show("frames", which);
  const middle = element("div", { class: "grow" });
  const faceBar = element("div", { class: "bar face-bar" }, element("span", { role: "tablist", "aria-label": "Sky pane" }, ...faces),
    middle, linked);
  const skyFace = fill("sky");
  const imageFace = element("div", { class: "fill image-face" });
  const sky = pane("sky", faceBar, element("div", { class: "fill faces" }, skyFace, imageFace));
  const chart = pane("chart");
  show("axes", chart);
  chart.append(fill("chart"));
  const side = toolPanel("side", "Tools");
  show("side", side.body);
  const table = pane("table", fill("table"));
  const curve = element("div", { class: "curve" });
  show("curvebar", curve);
  curve.append(fill("curve"));
  const stamp = element("div", { class: "stamp" }, fill("image"));
  const detail = pane("detail", curve);
  const box = (node) => node.getBoundingClientRect();
  top.append(sky, divider(page, { vertical: true, variable: "--w-sky", label: "Sky and chart", name: "bar-top",
    size: (x) => percent(x - box(top).left, box(top).width) }), chart);
  low.append(table, divider(page, { vertical: true, variable: "--w-detail", label: "Table and details", name: "bar-detail",
    size: (x) => percent(box(low).right - x, box(low).width) }), detail);
  rows.append(top, divider(page, { vertical: false, variable: "--h-top", label: "Upper and lower views", name: "bar-rows",
    size: (x, y) => percent(y - box(rows).top, box(rows).height) }), low);
  page.append(header, trouble, searchPart, divider(page, { vertical: false, variable: "--h-search", label: "Search and results",
    name: "bar-search", size: (x, y) => `${Math.max(120, Math.min(innerHeight - 260, y - box(searchPart).top))}px` }), results,
    element("div", { class: "beside" }, rows, side.element), jobs);

  const over = toolPanel("over", "Tools");
  show("dialog", over.body);
  const cover = element("div", { class: "cover", hidden: true }, over.element);
  page.append(cover);

  const dialog = element("dialog", { "aria-label": "Keys" }, element("strong", {}, "Keys"));
  const list = element("dl");
  for (const [key, words] of KEYS) list.append(element("dt", {}, key), element("dd", {}, words));
  const close = element("button", {}, "Close");
  close.addEventListener("click", () => dialog.close());
  dialog.append(list, close);
  page.append(dialog);
  el.append(page);

  // state to page
  const sync = () => {
    page.dataset.layout = model.layout;
    page.dataset.search = model.search ? "on" : "off";
    page.dataset.detail = model.detail ? "on" : "off";
    page.dataset.face = model.face;
    // There is one image viewer; it stands where the larger place for it is.
    const home = model.face === "image" && (model.layout === "tri" || model.layout.includes("sky")) ? imageFace : detail;
    if (stamp.parentNode !== home) {
      home.append(stamp);
      (home === imageFace ? middle : stamp).prepend(which);
    }
    for (const node of faces) {
      const chosen = node.dataset.face === model.face;
      node.setAttribute("aria-selected", String(chosen));
      node.tabIndex = chosen ? 0 : -1;
    }
    linked.setAttribute("aria-pressed", String(model.linked));
    search.setAttribute("aria-pressed", String(model.search));
    details.setAttribute("aria-pressed", String(model.detail));
    document.documentElement.dataset.theme = model.theme;
    dark.textContent = model.theme === "dark" ? "☀" : "☾";
    jobsButton.textContent = model.running ? `Jobs ${model.running}` : "Jobs";
    service.textContent = model.service;
    service.title = model.service;
    side.set(model.side_title);
    over.set(model.dialog_title);
    cover.hidden = !model.dialog_title;
    trouble.hidden = !model.trouble;
    trouble.replaceChildren(element("span", { class: "grow" }, model.trouble));
    dispatchEvent(new Event("resize")); // canvases measure themselves on it
  };
  for (const name of ["layout", "search", "detail", "face", "linked", "theme", "running", "trouble", "service", "side_title", "dialog_title"]) model.on(name, sync);
  sync();

  // the user's hand
  search.addEventListener("click", () => gesture(model, "toggled", { part: "search" }));
  details.addEventListener("click", () => gesture(model, "toggled", { part: "detail" }));
  linked.addEventListener("click", () => gesture(model, "toggled", { part: "linked" }));
  const turn = (face) => gesture(model, "turned", { face });
  for (const node of faces) {
    node.addEventListener("click", () => turn(node.dataset.face));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = faces.find((item) => item !== node);
      other.focus();
      turn(other.dataset.face);
      event.preventDefault();
    });
  }
  const openUpload = () => gesture(model, "uploading");
  upload.addEventListener("click", openUpload);
  // A file that falls anywhere on the page is kept on the document until the upload panel takes it.
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const onDragOver = (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    page.classList.add("dropping");
  };
  const onDragEnd = (event) => { if (!event.relatedTarget) page.classList.remove("dropping"); };
  const onDrop = (event) => {
    page.classList.remove("dropping");
    if (!carries(event)) return;
    event.preventDefault();
    document.tvDropped = [...event.dataTransfer.files];
    document.dispatchEvent(new CustomEvent("tv-dropped"));
    if (model.dialog_title !== "Upload") openUpload();
  };
  const drops = { dragover: onDragOver, dragleave: onDragEnd, drop: onDrop };
  for (const [name, call] of Object.entries(drops)) document.addEventListener(name, call);
  model.on("remove", () => Object.entries(drops).forEach(([name, call]) => document.removeEventListener(name, call)));
  dark.addEventListener("click", () => gesture(model, "themed", { theme: model.theme === "dark" ? "light" : "dark" }));
  const dismiss = () => gesture(model, "dismissed");
  side.close.addEventListener("click", dismiss);
  over.close.addEventListener("click", dismiss);
  // Escape closes a panel from inside it, unless something in it had a use for the key.
  for (const panel of [side.element, over.element]) {
    panel.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && dismiss());
  }
  cover.addEventListener("pointerdown", (event) => event.target === cover && dismiss());
  help.addEventListener("click", () => dialog.showModal());
  const openJobs = (open) => {
    jobs.hidden = !open;
    jobsButton.setAttribute("aria-expanded", String(open));
  };
  jobsButton.addEventListener("click", () => openJobs(jobs.hidden));
  page.addEventListener("pointerdown", (event) => {
    if (!jobs.hidden && !event.composedPath().some((node) => node === jobs || node === jobsButton)) openJobs(false);
  });
  target.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && target.value.trim()) gesture(model, "targeted", { text: target.value.trim() });
  });
  const typing = (event) => event.composedPath().some((node) => node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName ?? ""));
  const onKey = (event) => {
    if (event.key === "Escape") openJobs(false);
    if (event.key === "?" && !typing(event)) dialog.showModal();
    if (!event.altKey || event.ctrlKey || event.metaKey) return;
    const layout = LAYOUTS[Number(event.key) - 1];
    if (layout) gesture(model, "arranged", { layout });
    else if (event.key.toLowerCase() === "q") gesture(model, "toggled", { part: "search" });
    else if (event.key.toLowerCase() === "u") openUpload();
    else if (event.key.toLowerCase() === "s") turn("sky");
    else if (event.key.toLowerCase() === "i") turn("image");
    else if (event.key.toLowerCase() === "d") gesture(model, "toggled", { part: "detail" });
    else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", onKey);
  model.on("remove", () => document.removeEventListener("keydown", onKey));
  if (model.fresh && matchMedia("(prefers-color-scheme: dark)").matches) gesture(model, "themed", { theme: "dark" });
}

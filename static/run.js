// The line under the editor: Run, Stop, row limit, what the query is doing, and the service's own error text.
import controls from "./parts/controls.css";
import { addStyle, element, gesture } from "./parts/kit.js";

const sheet = `
  .line { border-top: 1px solid var(--tv-line, #d8dee4); position: relative; flex-wrap: wrap; row-gap: 2px; }
  .meter { position: absolute; left: 0; top: -2px; height: 3px; background: var(--tv-accent, #0b6bcb); width: 0; transition: width .2s; border-radius: 2px; }
  .meter.unknown { width: 30%; animation: slide 1.2s infinite ease-in-out alternate; }
  @keyframes slide { from { left: 0 } to { left: 70% } }
  @media (prefers-reduced-motion: reduce) { .meter.unknown { animation: none; width: 100%; opacity: .4 } }
  .words { padding: 2px 10px 6px; max-height: 84px; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
  .limit { width: 96px; text-align: right; }
`;

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const run = element("button", { class: "primary", title: "Run the query (Ctrl+Enter)" }, "Run");
  const stop = element("button", { title: "Stop; rows that came are kept" }, "Stop");
  const limit = element("input", { class: "limit", type: "text", inputmode: "numeric", "aria-label": "Row limit (MAXREC)", title: "Row limit (MAXREC)" });
  const format = element("button", { class: "quiet", title: "Lay the ADQL out anew; comments stay" }, "Format");
  const link = element("button", { class: "quiet", title: "Copy a link that opens the page with this query" }, "Link");
  const words = element("span", { class: "grow cut muted", role: "status", "aria-live": "polite" });
  const meter = element("div", { class: "meter" });
  const error = element("div", { class: "words tv-error", role: "alert" });
  const line = element("div", { class: "bar line" }, meter, run, stop, element("label", { class: "muted" }, "rows ≤ "), limit, words, format, link);
  el.append(line, error);

  const sync = () => {
    run.disabled = false;
    stop.hidden = !model.running;
    words.textContent = model.words;
    words.title = model.words;
    meter.hidden = !model.running;
    meter.classList.toggle("unknown", model.running && model.fraction < 0);
    meter.style.width = model.fraction >= 0 ? `${100 * model.fraction}%` : "";
    error.hidden = !model.error;
    error.textContent = model.error;
    el.classList.toggle("tv-busy", model.running);
  };
  const showLimit = () => {
    limit.value = Number(model.limit).toLocaleString("en-US");
  };
  for (const name of ["running", "words", "fraction", "error"]) model.on(name, sync);
  model.on("limit", showLimit);
  sync();
  showLimit();

  run.addEventListener("click", () => gesture(model, "ran"));
  stop.addEventListener("click", () => gesture(model, "stopped"));
  format.addEventListener("click", () => gesture(model, "formatted"));
  limit.addEventListener("change", () => {
    const rows = Number(limit.value.replace(/[\s,._]/g, ""));
    if (Number.isInteger(rows) && rows > 0) gesture(model, "limited", { rows });
    else showLimit();
  });
  link.addEventListener("click", async () => {
    const url = new URL(location.href);
    url.search = new URLSearchParams({ api: "tap", adql: model.query, execute: "true" }).toString();
    await navigator.clipboard.writeText(url.href);
    link.textContent = "Copied";
    setTimeout(() => { link.textContent = "Link"; }, 1500);
  });
}

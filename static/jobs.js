// The list of this page's jobs: phase, rows, time; open or stop one.
import controls from "./parts/controls.css";
import { addStyle, element, gesture } from "./parts/kit.js";

const sheet = `
  .job { display: grid; grid-template-columns: 1fr auto auto; gap: 2px 10px; padding: 8px 12px; border-bottom: 1px solid var(--tv-line, #d8dee4); align-items: center; }
  .job .adql { grid-column: 1 / 2; }
  .phase { font-size: 11px; letter-spacing: .03em; padding: 1px 6px; border-radius: 4px; border: 1px solid var(--tv-line, #d8dee4); }
  .phase[data-phase="ERROR"] { color: var(--tv-error, #c62828); border-color: currentColor; }
  .phase[data-phase="COMPLETED"] { color: var(--tv-ok, #1a7f37); border-color: currentColor; }
  p { padding: 10px 12px; margin: 0; }
`;

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const list = element("div", { role: "list", "aria-label": "Jobs" });
  el.append(list);
  const draw = () => {
    list.replaceChildren(...model.jobs.map((job) => {
      const act = element("button", {}, job.ended ? "Open" : "Stop");
      act.addEventListener("click", () => gesture(model, job.ended ? "opened" : "stopped", { key: job.key }));
      return element("div", { class: "job", role: "listitem" },
        element("strong", { class: "cut" }, job.title),
        element("span", { class: "phase", "data-phase": job.phase }, job.phase), act,
        element("span", { class: "mono muted cut adql", title: job.adql }, job.adql),
        element("span", { class: "muted" }, job.note), element("span"));
    }));
    if (!model.jobs.length) list.append(element("p", { class: "muted" }, "No jobs yet. Run a query and it is listed here."));
  };
  model.on("jobs", draw);
  draw();
}

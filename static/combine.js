// The panel that joins two results: a question, what a match would find against chance, and the table.
import controls from "./parts/controls.css";
import { addStyle, element, gesture } from "./parts/kit.js";

const sheet = `
  :host { height: 100%; overflow: auto; }
  form { display: flex; flex-direction: column; gap: 8px; padding: 10px; }
  label { display: grid; grid-template-columns: 84px 1fr; gap: 6px; align-items: center; }
  label .note { grid-column: 2; font-size: 12px; }
  select, input { width: 100%; }
  fieldset { border: 1px solid var(--tv-line, #d8dee4); border-radius: 8px; display: flex; flex-direction: column; gap: 8px; padding: 8px; margin: 0; min-width: 0; }
  legend { padding: 0 4px; color: var(--tv-muted, #656d76); }
  .swatch { width: 10px; height: 10px; border-radius: 3px; display: inline-block; }
  .ways { display: flex; gap: 4px; }
  svg { width: 100%; height: 150px; display: block; }
  svg text { font-size: 10px; fill: var(--tv-muted, #656d76); }
  svg .found { fill: var(--tv-accent, #0b6bcb); opacity: .75; }
  svg .chance { fill: none; stroke: var(--tv-warn, #9a6700); stroke-width: 1.5; stroke-dasharray: 4 2; }
  svg .axis { stroke: var(--tv-line, #d8dee4); }
  .actions { display: flex; gap: 6px; justify-content: flex-end; align-items: center; }
`;
const NS = "http://www.w3.org/2000/svg";

function drawn(tag, attributes, text = "") {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
}

// Separations of the pairs as bars, those of the moved sky as a dashed line.
function histogram({ edges, found, by_chance: chance }) {
  const [width, height, left, low] = [320, 150, 40, 22];
  const most = Math.max(1, ...found, ...chance);
  const x = (value) => left + ((width - left - 8) * value) / edges[edges.length - 1];
  const y = (value) => height - low - ((height - low - 10) * value) / most;
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Histogram of separations, with what chance would give" });
  found.forEach((count, i) => svg.append(drawn("rect", { class: "found", x: x(edges[i]), y: y(count), width: Math.max(1, x(edges[i + 1]) - x(edges[i]) - 1), height: y(0) - y(count) })));
  const steps = chance.flatMap((count, i) => [`${x(edges[i])},${y(count)}`, `${x(edges[i + 1])},${y(count)}`]);
  svg.append(drawn("polyline", { class: "chance", points: steps.join(" ") }), drawn("line", { class: "axis", x1: left, x2: width - 8, y1: y(0), y2: y(0) }));
  for (const share of [0, 0.5, 1]) {
    const at = share * edges[edges.length - 1];
    svg.append(drawn("text", { x: x(at), y: height - 8, "text-anchor": share === 1 ? "end" : share ? "middle" : "start" }, `${Number(at.toPrecision(3))}″`));
  }
  svg.append(drawn("text", { x: left - 4, y: y(most) + 4, "text-anchor": "end" }, most.toLocaleString("en", { maximumFractionDigits: 0 })),
    drawn("text", { x: left - 4, y: y(0), "text-anchor": "end" }, "0"));
  return svg;
}

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const pick = (label) => element("select", { "aria-label": label });
  const first = pick("First result");
  const second = pick("Second result");
  const notes = [element("span", { class: "note muted" }), element("span", { class: "note muted" })];
  const ways = {
    position: element("button", { type: "button", "aria-pressed": "true" }, "By position"),
    key: element("button", { type: "button", "aria-pressed": "false" }, "By a column of each"),
  };
  const radius = element("input", { class: "mono", value: "1", inputmode: "decimal", "aria-label": "Radius in arcseconds" });
  const mode = pick("Pairs");
  const keys = [pick("Column of the first"), pick("Column of the second")];
  const keep = pick("Rows kept");
  const estimate = element("button", { type: "button" }, "What would match?");
  const make = element("button", { type: "submit", class: "primary" }, "Join");
  const problem = element("div", { class: "tv-error", role: "alert" });
  const answer = element("div", { role: "status" });
  const byPosition = element("fieldset", {}, element("legend", {}, "Position"), element("label", {}, "Radius ″", radius), element("label", {}, "Pairs", mode));
  const byKey = element("fieldset", { hidden: true }, element("legend", {}, "Equal values"), element("label", {}, "First", keys[0]), element("label", {}, "Second", keys[1]));
  const form = element("form", {},
    element("label", {}, "First", first, notes[0]), element("label", {}, "Second", second, notes[1]),
    element("div", { class: "ways", role: "group", "aria-label": "Way to join" }, ways.position, ways.key),
    byPosition, byKey, element("label", {}, "Rows", keep), problem,
    element("div", { class: "actions" }, estimate, make), answer);
  el.append(form);

  let way = "position";
  const options = (select, entries, chosen) => {
    select.replaceChildren(...entries.map(([value, words]) => element("option", { value }, words)));
    if (entries.some(([value]) => value === chosen)) select.value = chosen;
  };
  const of = (select) => model.results.find((item) => item.key === select.value);
  const sync = () => {
    [first, second].forEach((select, i) => {
      const found = of(select);
      notes[i].replaceChildren();
      if (!found) return;
      const swatch = element("span", { class: "swatch" });
      swatch.style.background = found.colour;
      notes[i].append(swatch, ` ${found.rows}${way === "position" ? (found.positions ? ` · ${found.positions}` : " · no positions") : ""}`);
      options(keys[i], found.keys.map((item) => [item.name, item.name]), keys[i].value);
    });
    // The same id in both is the key most likely meant.
    const names = new Set(of(second)?.keys.map((item) => item.name));
    if (!names.has(keys[1].value) || keys[0].value !== keys[1].value) {
      const common = of(first)?.keys.find((item) => names.has(item.name));
      if (common && !touched) keys[0].value = keys[1].value = common.name;
    }
    for (const [name, button] of Object.entries(ways)) button.setAttribute("aria-pressed", String(name === way));
    byPosition.hidden = estimate.hidden = way !== "position";
    byKey.hidden = way !== "key";
    make.disabled = estimate.disabled = model.results.length < 1;
    estimate.disabled ||= model.busy;
    estimate.textContent = model.busy ? "Matching …" : "What would match?";
    el.classList.toggle("tv-busy", model.busy);
  };
  let touched = false;
  const drawResults = () => {
    const entries = model.results.map((item) => [item.key, item.title]);
    const a = first.value || model.active;
    const others = entries.map(([key]) => key).filter((key) => key !== a);
    const b = second.value && second.value !== a ? second.value : others[others.length - 1];
    const asked = [first.value, second.value].join();
    options(first, entries, a);
    options(second, entries, b);
    if ([first.value, second.value].join() !== asked) answer.replaceChildren(); // one of the two has been closed
    problem.textContent = model.problem || (entries.length < 2 ? "Two results are needed: run another query or open a file." : "");
    sync();
  };
  const drawAnswer = () => {
    answer.replaceChildren();
    if (!model.estimate.words) return;
    answer.append(histogram(model.estimate), element("div", {}, model.estimate.words), element("div", { class: "muted" }, model.estimate.how));
  };
  const ask = () => ({
    first: first.value, second: second.value, radius: radius.value.trim(), mode: mode.value, keep: keep.value,
    left_key: way === "key" ? keys[0].value : "", right_key: way === "key" ? keys[1].value : "",
  });
  options(mode, Object.entries(model.modes), "mutual");
  options(keep, Object.entries(model.keeps), "matches");

  for (const [name, button] of Object.entries(ways)) {
    button.addEventListener("click", () => {
      way = name;
      sync();
    });
  }
  // An answer to another question must not stand below this one.
  form.addEventListener("input", (event) => {
    if (keys.includes(event.target)) touched = true;
    sync();
    if (event.target !== keep) gesture(model, "stopped", { first: first.value, second: second.value });
  });
  estimate.addEventListener("click", () => gesture(model, "estimated", ask()));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    gesture(model, "made", ask());
  });
  model.on(["results", "active"], drawResults);
  model.on("estimate", drawAnswer);
  model.on("busy", sync);
  model.on("problem", () => (problem.textContent = model.problem));
  drawResults();
  drawAnswer();
}

// The panel of sets: what is marked, what can be done with it, and the selections that have a name.
import { copyText } from "./grid/copy.js";
import controls from "./parts/controls.css";
import { addStyle, element, gesture } from "./parts/kit.js";
import { renameIn } from "./parts/rename.js";
import sheet from "./sets/sets.css";

const JOINS = { or: "or", and: "and", "and not": "and not", "or not": "or not" };

export function render({ model, el }) {
  addStyle(el, controls + sheet);
  const give = (name, fields) => gesture(model, name, fields);
  const button = (words, title, run, more = {}) => {
    const made = element("button", { title, ...more }, words);
    made.addEventListener("click", run);
    return made;
  };

  const empty = element("p", { class: "muted" });
  const status = element("p", { role: "status" });
  const marked = element("p", { class: "marked" });
  const needs = []; // what can be done only with marked rows
  const act = (words, title, run) => {
    const made = button(words, title, run);
    needs.push(made);
    return made;
  };

  const name = element("input", { placeholder: "name of the set", "aria-label": "Name of the set", maxlength: "200" });
  const save = act("Save as set", "Keep what is marked under this name, with this result", () => saveSet());
  const saveSet = () => {
    if (save.disabled || !name.value.trim()) return name.focus();
    give("saved", { name: name.value });
    name.value = "";
  };
  name.addEventListener("keydown", (event) => event.key === "Enter" && saveSet());

  const column = element("select", { "aria-label": "Column of ids" });
  const address = (what, more = "") => `${model.url}?what=${what}&column=${encodeURIComponent(column.value)}${more}`;
  const say = (text, wrong = false) => {
    status.textContent = text;
    status.className = wrong ? "tv-error" : "";
  };
  const toClipboard = async (url, told) => {
    say("…");
    try {
      const answer = await fetch(url);
      const text = await answer.text();
      if (!answer.ok) {
        const { message, hint } = JSON.parse(text);
        say(`${message} ${hint}`.trim(), true);
        return;
      }
      await copyText(text);
      say(told(text));
    } catch (error) {
      say(`Nothing was copied (${error.message}). Download the list instead.`, true);
    }
  };
  const copyIds = act("Copy ids", "The ids of the marked rows, one on a line", () =>
    toClipboard(address("ids", "&copy=1"), (text) => `${(text.match(/\n/g) ?? []).length.toLocaleString("en")} ids copied.`));
  const download = act("Download", "The same as a text file, of any length", () => {
    const link = element("a", { href: address("ids"), download: "" });
    el.append(link);
    link.click();
    link.remove();
  });
  const narrow = act("Add to query", "Put a condition that says the same into the query in the editor", () => give("narrowed", { column: column.value }));
  const copyCondition = act("Copy as ADQL", "The same condition on the clipboard", () => toClipboard(address("condition"), () => "Condition copied."));

  const list = element("ul", { class: "made", "aria-label": "Sets" });
  const none = element("p", { class: "muted" }, "No set yet: mark rows, give them a name.");
  const body = element("div", { class: "body" },
    element("h3", {}, "Marked now"), marked,
    element("div", { class: "acts" },
      act("Filter", "Show only the marked rows, in every view", () => give("kept")),
      act("Invert", "Mark all other rows instead", () => give("inverted")),
      act("Clear", "Mark nothing", () => give("cleared")),
      act("New table", "Copy the marked rows into a result of their own", () => give("copied"))),
    element("div", { class: "acts" }, name, save),
    element("h3", {}, "Take away"),
    element("div", { class: "acts" }, element("label", {}, "ids from ", column), copyIds, download),
    element("div", { class: "acts" }, narrow, copyCondition),
    status,
    element("h3", {}, "Sets of this result"), none, list);
  el.append(empty, body);

  const rename = (label, set) => renameIn(label, set.name, "grow", (name) => give("renamed", { source: set.source, name }), () => drawSets());
  const row = (set) => {
    const on = element("input", { type: "checkbox", "aria-label": `Mark ${set.name}`, title: "Mark its rows" });
    on.checked = Boolean(set.mode);
    on.addEventListener("change", () => give("switched", { source: set.source, mode: on.checked ? "or" : "" }));
    const join = element("select", { "aria-label": `How ${set.name} is joined`, class: "join" }, ...Object.entries(JOINS).map(([value, words]) => element("option", { value }, words)));
    join.value = set.mode || "or";
    join.hidden = !set.mode;
    join.addEventListener("change", () => give("switched", { source: set.source, mode: join.value }));
    const label = element("button", { class: "quiet label cut", title: `${set.note}\nDouble click or F2 to rename` }, set.name);
    label.addEventListener("dblclick", () => rename(label, set));
    label.addEventListener("keydown", (event) => event.key === "F2" && rename(label, set));
    const count = element("span", { class: "muted count" }, set.count);
    return element("li", {}, on, join, label, count,
      button("✎", "Mark its parts, to change them one by one", () => give("edited", { source: set.source }), { class: "quiet", "aria-label": `Edit ${set.name}` }),
      button("×", "Delete the set; undo brings it back", () => give("deleted", { source: set.source }), { class: "quiet", "aria-label": `Delete ${set.name}` }));
  };

  const drawSets = () => {
    if (list.querySelector("input:not([type=checkbox])")) return; // a name is being typed
    const label = (node) => node?.getAttribute("aria-label") ?? node?.textContent;
    const held = list.contains(list.getRootNode().activeElement) ? label(list.getRootNode().activeElement) : null;
    list.replaceChildren(...model.sets.map(row));
    if (held) [...list.querySelectorAll("button, select, input")].find((node) => label(node) === held)?.focus();
    none.hidden = model.sets.length > 0;
  };
  const drawMarked = () => {
    empty.textContent = model.message;
    empty.hidden = !model.message;
    body.hidden = Boolean(model.message);
    marked.replaceChildren(model.words || "Nothing. Draw on the sky or the chart, or tick rows; Shift adds, Alt takes away.");
    if (model.words && model.total) marked.append(element("strong", {}, ` ${model.total}`));
    marked.classList.toggle("muted", !model.words);
    for (const node of needs) node.disabled = !model.words;
    for (const node of [copyIds, download]) node.disabled = !model.words || !model.columns.length;
  };
  const drawColumns = () => {
    const before = column.value;
    column.replaceChildren(...model.columns.map((name) => element("option", { value: name }, name)));
    if (model.columns.includes(before)) column.value = before;
    drawMarked();
  };
  model.on(["words", "total", "message"], drawMarked);
  model.on("columns", drawColumns);
  model.on("sets", drawSets);
  model.on("problem", () => say(model.problem.join(" "), model.problem.length > 0));
  model.on("done", () => model.done && say(model.done));
  drawColumns();
  drawSets();
}

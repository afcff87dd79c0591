// What is marked and what is filtered, as chips: named, counted, joined by and, or, not.
import { element, gesture } from "../parts/kit.js";
import { renameIn } from "../parts/rename.js";

const JOINS = { and: "and", or: "or", "and not": "and not", "or not": "or not" };
const ALONE = { and: "marked:", "and not": "not" };

// A chip for each part; `root` is hidden while there is none.
export function chipRow(model) {
  const root = element("div", { class: "chips", role: "group", "aria-label": "Marked and filtered rows" });

  const rename = (label, chip) => renameIn(label, chip.label, "name", (name) => gesture(model, "labelled", { name: chip.name, label: name }), draw);

  const join = (chip, first) => {
    const words = first ? ALONE : JOINS;
    const turned = chip.mode === "or not" ? "and not" : chip.mode === "or" ? "and" : chip.mode;
    const choice = element("select", { class: "join", "aria-label": first ? `${chip.label}, or not` : `How ${chip.label} is joined` },
      ...Object.entries(words).map(([value, text]) => element("option", { value }, text)));
    choice.value = first ? turned : chip.mode;
    choice.addEventListener("change", () => gesture(model, "joined", { name: chip.name, mode: choice.value }));
    return choice;
  };

  const chipOf = (chip) => {
    const undo = element("button", { "aria-label": `Remove ${chip.label}`, title: "Remove" }, "✕");
    // Once: a double click must not take away the chip that moves up.
    undo.addEventListener("click", () => gesture(model, "removed", { kind: chip.kind, name: chip.name }), { once: true });
    const count = chip.count ? element("i", {}, ` (${chip.count})`) : "";
    if (chip.kind !== "marked") return element("span", { class: `chip ${chip.kind}`, title: chip.label }, element("span", { class: "cut" }, chip.label), count, undo);
    const label = element("button", { class: "label cut", title: `${chip.label}\nDouble click or F2 to rename` }, chip.label);
    label.addEventListener("dblclick", () => rename(label, chip));
    label.addEventListener("keydown", (event) => event.key === "F2" && rename(label, chip));
    return element("span", { class: "chip marked" }, label, count, undo);
  };

  const act = (words, title, name) => {
    const button = element("button", { class: "quiet", title }, words);
    button.addEventListener("click", () => gesture(model, name));
    return button;
  };

  const draw = () => {
    if (root.querySelector("input")) return; // a name is being typed; what came is drawn when it is done
    const marked = model.chips.filter((chip) => chip.kind === "marked");
    const parts = marked.flatMap((chip, place) => {
      const lone = marked.length === 1 && !/not/.test(chip.mode ?? "");
      return lone ? [chipOf(chip)] : [join(chip, place === 0), chipOf(chip)];
    });
    if (marked.length > 1 && model.total) parts.push(element("span", { class: "total", role: "status" }, `= ${model.total}`));
    if (marked.length) {
      parts.push(act("Filter to marked", "Show only the marked rows, in every view", "kept"));
      parts.push(act("Invert", "Mark all other rows instead", "inverted"));
    }
    const sets = act(model.sets ? `Sets ${model.sets}` : "Sets …", "Name, combine, copy and use what is marked", "asked");
    if (marked.length || model.sets) parts.push(sets);
    parts.push(...model.chips.filter((chip) => chip.kind !== "marked").map(chipOf));
    const name = (node) => node?.getAttribute("aria-label") ?? node?.textContent;
    const held = root.contains(root.getRootNode().activeElement) ? name(root.getRootNode().activeElement) : null;
    root.replaceChildren(...parts);
    if (held) [...root.querySelectorAll("button, select")].find((node) => name(node) === held)?.focus();
    root.hidden = !parts.length;
  };
  return { root, draw };
}

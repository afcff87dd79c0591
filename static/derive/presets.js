// Columns that are computed every day: choose one, choose its inputs, have the form filled in.
import { element, gesture } from "../parts/kit.js";

export function presetPicker(model) {
  const choice = element("select", { "aria-label": "Start from" });
  const inputs = element("div", { class: "pair" });
  const fill = element("button", { type: "button" }, "Fill in");
  const root = element("div", { class: "presets" }, choice, inputs, fill);
  let fields = [];

  const input = ({ label, list, value }) => {
    const choices = list === null ? [] : model.lists[list];
    const node = choices.length
      ? element("select", {}, ...choices.map((name) => element("option", { value: name, selected: name === value }, name)))
      : element("input", { value, inputmode: "decimal", autocomplete: "off" });
    fields.push(node);
    return element("label", {}, label, node);
  };
  const open = () => {
    fields = [];
    const preset = model.presets.find((item) => item.key === choice.value);
    inputs.replaceChildren(...(preset?.inputs ?? []).map(input));
    inputs.hidden = !fields.length;
    fill.hidden = !preset;
  };
  choice.addEventListener("change", open);
  fill.addEventListener("click", () => gesture(model, "filled", { key: choice.value, inputs: fields.map((node) => node.value) }));
  const show = () => {
    const was = choice.value;
    choice.replaceChildren(element("option", { value: "" }, "Start from a preset …"),
      ...model.presets.map(({ key, title }) => element("option", { value: key, selected: key === was }, title)));
    open();
  };
  return { element: root, show };
}

// A name that is changed where it stands: a field in place of its label until Enter, Escape or a click elsewhere.
import { element } from "./kit.js";

// `old` is the name now; `take(name)` is called with another one, `over()` once the label is back.
export function renameIn(label, old, className, take, over) {
  const field = element("input", { class: className, "aria-label": `New name of ${old}`, maxlength: "200" });
  field.value = old;
  let done = false;
  const end = (kept) => {
    if (done) return;
    done = true;
    field.replaceWith(label);
    label.focus();
    setTimeout(over); // what came while the name was typed
    const name = field.value.trim();
    if (kept && name && name !== old) take(name);
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "Escape") end(event.key === "Enter");
    event.stopPropagation();
  });
  field.addEventListener("blur", () => end(true));
  label.replaceWith(field);
  field.select();
}

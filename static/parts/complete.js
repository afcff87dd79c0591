// Completion of words in a text field: a list under it, chosen with arrows and Enter or Tab, or by mouse.
import { element } from "./kit.js";

const MOST = 8;
const WORD = /"[^"]*$|[A-Za-z_][\w.]*$/;

export const completionStyle = `
  .completing { position: relative; display: block; }
  .completions { position: absolute; z-index: 70; left: 0; right: 0; top: 100%; margin: 2px 0 0; padding: 3px; list-style: none; max-height: 220px; overflow: auto;
    background: var(--tv-panel, #fff); border: 1px solid var(--tv-line, #d8dee4); border-radius: 6px; box-shadow: 0 8px 24px rgb(0 0 0 / .22); }
  .completions li { display: flex; justify-content: space-between; gap: 10px; padding: 3px 7px; border-radius: 4px; cursor: pointer; font-family: var(--tv-mono, monospace); font-size: 12px; }
  .completions li[aria-selected="true"] { background: var(--tv-hover, #eef3f8); }
  .completions .muted { font-family: var(--tv-font, sans-serif); }
`;

// `words()` gives [{name, note, insert}] in order of preference; `insert` is what is written (the name by default).
// Returns an element that holds the field and its list. The list is open only while there is something to choose.
export function completing(field, words) {
  const list = element("ul", { class: "completions", role: "listbox", hidden: true });
  const wrap = element("span", { class: "completing" }, field, list);
  field.setAttribute("aria-autocomplete", "list");
  let found = [];
  let at = 0;

  const close = () => {
    found = [];
    list.hidden = true;
  };
  const before = () => field.value.slice(0, field.selectionStart).match(WORD)?.[0] ?? "";
  const mark = () => {
    [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === at)));
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const take = (place) => {
    const word = before();
    const text = found[place].insert ?? found[place].name;
    const start = field.selectionStart - word.length;
    field.setRangeText(text, start, field.selectionStart, "end");
    if (text.endsWith(")")) field.selectionStart = field.selectionEnd = start + text.length - 1;
    close();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    close();
  };
  const open = () => {
    const word = before().replace(/^"/, "").toLowerCase();
    const all = word.length ? words() : [];
    const starts = all.filter((item) => item.name.toLowerCase().startsWith(word));
    const holds = all.filter((item) => !item.name.toLowerCase().startsWith(word) && item.name.toLowerCase().includes(word));
    found = [...starts, ...holds].slice(0, MOST);
    if (found.length === 1 && found[0].name.toLowerCase() === word) found = [];
    at = 0;
    list.replaceChildren(...found.map((item, place) => {
      const row = element("li", { role: "option" }, element("span", {}, item.name), element("span", { class: "muted" }, item.note ?? ""));
      row.addEventListener("mousedown", (event) => {
        event.preventDefault(); // the field keeps the focus
        take(place);
      });
      return row;
    }));
    list.hidden = !found.length;
    mark();
  };
  field.addEventListener("input", open);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      at = (at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length;
      mark();
    } else if (event.key === "Enter" || event.key === "Tab") take(at);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
  return wrap;
}

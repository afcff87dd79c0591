// The field of the free condition: completes names of columns and functions, shows what is wrong below itself.
import { element } from "../parts/kit.js";

const LISTED = 8;
const WORD = /[\p{L}_][\p{L}\p{N}_]*$/u;
const PLAIN = /^[A-Za-z_][A-Za-z0-9_]*$/;

export class ConditionField {
  // `words()` gives [{text, note, call}]; `tell(text)` is called when the text is to hold.
  constructor(words, tell, back) {
    this.words = words;
    this.tell = tell;
    this.sent = "";
    this.found = [];
    this.at = -1;
    this.input = element("input", { class: "tv-condition", type: "text", spellcheck: "false", autocomplete: "off",
      placeholder: "condition, e.g. g_mag - r_mag < 0.5 and extendedness = 0", role: "combobox", "aria-autocomplete": "list",
      "aria-expanded": "false", "aria-label": "Condition on all columns",
      title: "Only rows for which this holds are shown. Enter applies it, Escape takes back what was typed." });
    this.list = element("div", { class: "tv-words", role: "listbox", "aria-label": "Names", popover: "manual" });
    this.problem = element("div", { class: "tv-bubble tv-error", role: "alert", hidden: true });
    this.element = element("span", { class: "tv-condition-box" }, this.input, this.list, this.problem);
    this.input.addEventListener("input", () => {
      this.showProblem("");
      this.complete(false);
    });
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("change", () => this.send());
    this.input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (this.key(event)) event.preventDefault();
      else if (event.key === "ArrowDown") {
        event.preventDefault(); // or the rows would scroll
        back();
      }
    });
    this.list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const place = [...this.list.children].indexOf(event.target.closest("[role=option]"));
      if (place >= 0) this.take(place);
    });
  }

  key(event) {
    const open = this.found.length > 0;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      this.mark((this.at + (event.key === "ArrowDown" ? 1 : -1) + this.found.length) % this.found.length);
    } else if (open && (event.key === "Tab" || (event.key === "Enter" && this.at >= 0))) this.take(Math.max(this.at, 0));
    else if (event.key === "Enter") {
      this.close();
      this.send();
    } else if (event.key === "Escape" && open) this.close();
    else if (event.key === "Escape") {
      this.input.value = this.sent;
      this.showProblem("");
    } else if (event.key === " " && event.ctrlKey) this.complete(true);
    else return false;
    return true;
  }

  complete(all) {
    const before = this.input.value.slice(0, this.input.selectionStart);
    const word = WORD.exec(before)?.[0] ?? "";
    if (!word && !all) return this.close();
    const wanted = word.toLowerCase();
    const starts = [];
    const contains = [];
    for (const item of this.words()) {
      const place = item.text.toLowerCase().indexOf(wanted);
      if (place === 0) starts.push(item);
      else if (place > 0) contains.push(item);
    }
    this.word = word;
    this.found = [...starts, ...contains].slice(0, LISTED);
    if (this.found.length === 1 && this.found[0].text === word) this.found = [];
    if (!this.found.length) return this.close();
    this.list.replaceChildren(...this.found.map((item, place) => element("div", { role: "option", id: `tv-word-${place}` },
      element("span", {}, item.text), element("i", {}, item.note ?? ""))));
    this.mark(-1);
    this.input.setAttribute("aria-expanded", "true");
    if (!this.list.matches(":popover-open")) this.list.showPopover();
    const box = this.input.getBoundingClientRect();
    this.list.style.left = `${box.left}px`;
    this.list.style.top = `${box.bottom + 2}px`;
  }

  mark(place) {
    this.at = place;
    for (const [n, option] of [...this.list.children].entries()) option.setAttribute("aria-selected", String(n === place));
    if (place >= 0) this.input.setAttribute("aria-activedescendant", `tv-word-${place}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  take(place) {
    const item = this.found[place];
    const end = this.input.selectionStart;
    const name = item.call ? `${item.text}(` : PLAIN.test(item.text) ? item.text : `"${item.text.replaceAll('"', '""')}"`;
    this.input.setRangeText(name, end - this.word.length, end, "end");
    this.close();
  }

  close() {
    this.found = [];
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    if (this.list.matches(":popover-open")) this.list.hidePopover();
  }

  send() {
    const text = this.input.value.trim();
    if (text === this.sent && this.problem.hidden) return;
    this.sent = text;
    this.tell(text);
  }

  show(text, problem) {
    if (text !== this.sent && !problem) {
      this.sent = text;
      this.input.value = text;
    }
    this.input.classList.toggle("tv-set", Boolean(this.sent) && !problem);
    this.showProblem(problem);
  }

  showProblem(words) {
    this.problem.hidden = !words;
    this.problem.textContent = words;
    this.input.classList.toggle("tv-wrong", Boolean(words));
    this.input.setAttribute("aria-invalid", String(Boolean(words)));
  }
}

// The line over the rows: which rows and columns are shown, the free condition, tools, and turning pages.
import { element } from "../parts/kit.js";
import { ConditionField } from "./field.js";

const ICONS = {
  first: "M11 3 6 8l5 5M5 3v10",
  previous: "M10 3 5 8l5 5",
  next: "M6 3l5 5-5 5",
  last: "M5 3l5 5-5 5M11 3v10",
  columns: "M2.5 3.5h11v9h-11zM6.2 3.5v9M9.8 3.5v9",
  row: "M2.5 3.5h11v9h-11zM2.5 6.5h11M6 6.5v6",
  profile: "M2.5 13V9.5h2.6V13M6.7 13V4.5h2.6V13M10.9 13V7.5h2.6V13",
  derive: "M8 3v10M3 8h10",
  copy: "M5.5 5.5h7.5v8H5.5zM3 10.5v-8h7.5",
  thumbs: "M2.5 3.5h11v9h-11zM2.5 10.5l3-3 3 3 2-2 3 3M10.5 6h.01",
};
const SVG = "http://www.w3.org/2000/svg";

function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

const counted = (number) => number.toLocaleString("en-US");

export class TableBar {
  // `ask(what)` opens a tool, `copy()` copies rows, `conditioned(text)` sets the condition, `back()` goes to the rows.
  constructor({ turnTo, ask, copy, words, conditioned, back }) {
    this.at = { page: 0, last: 0 };
    const turn = (name, label, target) => {
      const made = element("button", { type: "button", class: "tv-turn", "aria-label": label, title: label }, icon(name));
      made.addEventListener("click", () => turnTo(target()));
      return made;
    };
    const tool = (name, label, title, act) => {
      const made = element("button", { type: "button", class: "tv-tool", "aria-label": label, title }, icon(name),
        element("span", { class: "tv-tool-name" }, label));
      made.addEventListener("click", act);
      return made;
    };
    this.first = turn("first", "First page", () => 0);
    this.previous = turn("previous", "Previous page", () => this.at.page - 1);
    this.next = turn("next", "Next page", () => this.at.page + 1);
    this.final = turn("last", "Last page", () => this.at.last);
    this.input = element("input", { class: "tv-page", type: "text", inputmode: "numeric", "aria-label": "Page number" });
    this.input.addEventListener("change", () => {
      const page = Number.parseInt(this.input.value.replaceAll(",", ""), 10);
      if (Number.isFinite(page)) turnTo(page - 1);
      this.input.value = counted(this.at.page + 1);
    });
    this.of = element("span", { class: "tv-of" });
    this.range = element("span", { class: "tv-range", role: "status" });
    this.all = element("span", { class: "tv-all" });
    this.trouble = element("span", { class: "tv-trouble", role: "alert" });
    this.said = element("span", { class: "tv-said", role: "status" });
    this.condition = new ConditionField(words, conditioned, back);
    this.columns = tool("columns", "Columns", "Choose, order and freeze columns", () => ask("columns"));
    this.count = element("span", { class: "tv-count" });
    this.columns.append(this.count);
    this.thumbs = tool("thumbs", "Images", "A picture of every row in sight", () => ask("thumbs"));
    // Over the last rows, so that the line keeps its room.
    this.foot = element("div", { class: "tv-foot" }, this.trouble, this.said);
    this.element = element("div", { class: "tv-pagebar", role: "toolbar", "aria-label": "Table" });
    this.element.append(
      element("span", { class: "tv-counts" }, this.range, this.all),
      this.condition.element,
      element("span", { class: "tv-tools" },
        this.columns,
        tool("row", "Row", "All columns of the current row; compare rows", () => ask("row")),
        tool("profile", "Profile", "Distributions and statistics of the columns", () => ask("profile")),
        tool("derive", "Add column", "A column from an expression over others", () => ask("derive")),
        this.thumbs,
        tool("copy", "Copy rows", "Copy the marked rows, or this page, as tab-separated text with a header", copy)),
      element("span", { class: "tv-turns" }, this.first, this.previous, this.input, this.of, this.next, this.final),
    );
  }

  show({ page, last, size, total, all, trouble, shown, columns, condition, problem, canThumb, thumbs }) {
    this.at = { page, last };
    const start = page * size;
    this.range.textContent = total
      ? `${counted(start + 1)}-${counted(Math.min(start + size, total))} of ${counted(total)}`
      : "No rows";
    this.all.textContent = all > total ? `filtered from ${counted(all)}` : "";
    this.of.textContent = `of ${counted(last + 1)}`;
    if (this.input.getRootNode().activeElement !== this.input) this.input.value = counted(page + 1);
    this.first.disabled = this.previous.disabled = page <= 0;
    this.next.disabled = this.final.disabled = page >= last;
    this.trouble.textContent = trouble;
    this.trouble.title = trouble;
    this.trouble.classList.toggle("tv-error", Boolean(trouble));
    this.count.textContent = shown === columns ? counted(columns) : `${counted(shown)} of ${counted(columns)}`;
    this.condition.show(condition, problem);
    this.thumbs.hidden = !canThumb;
    this.thumbs.setAttribute("aria-pressed", String(Boolean(thumbs)));
    for (const part of [this.condition.element, this.element.querySelector(".tv-tools")]) part.hidden = !columns;
  }

  // A word about what was done, for a moment.
  say(words) {
    this.said.textContent = words;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { this.said.textContent = ""; }, 4000);
  }
}

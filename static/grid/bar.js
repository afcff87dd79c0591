// The bar under the rows: which rows are shown, and turning pages.
import { element } from "../parts/kit.js";

const ARROWS = { first: "M11 3 6 8l5 5M5 3v10", previous: "M10 3 5 8l5 5", next: "M6 3l5 5-5 5", last: "M5 3l5 5-5 5M11 3v10" };
const SVG = "http://www.w3.org/2000/svg";

function arrow(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ARROWS[name]);
  svg.append(path);
  return svg;
}

const counted = (number) => number.toLocaleString("en-US");

export class PageBar {
  constructor(turnTo) {
    this.at = { page: 0, last: 0 };
    const button = (name, label, target) => {
      const made = element("button", { type: "button", class: "tv-turn", "aria-label": label, title: label }, arrow(name));
      made.addEventListener("click", () => turnTo(target()));
      return made;
    };
    this.first = button("first", "First page", () => 0);
    this.previous = button("previous", "Previous page", () => this.at.page - 1);
    this.next = button("next", "Next page", () => this.at.page + 1);
    this.final = button("last", "Last page", () => this.at.last);
    this.input = element("input", { class: "tv-page", type: "text", inputmode: "numeric", "aria-label": "Page number" });
    this.input.addEventListener("change", () => {
      const page = Number.parseInt(this.input.value.replaceAll(",", ""), 10);
      if (Number.isFinite(page)) turnTo(page - 1);
      this.input.value = counted(this.at.page + 1);
    });
    this.of = element("span", { class: "tv-of" });
    this.range = element("span", { class: "tv-range", role: "status" });
    this.trouble = element("span", { class: "tv-trouble", role: "alert" });
    this.element = element("div", { class: "tv-pagebar", role: "group", "aria-label": "Pages" });
    this.element.append(
      this.range,
      this.trouble,
      element("span", { class: "tv-turns" }, this.first, this.previous, this.input, this.of, this.next, this.final),
    );
  }

  show({ page, last, size, total, trouble }) {
    this.at = { page, last };
    const start = page * size;
    this.range.textContent = total
      ? `${counted(start + 1)}-${counted(Math.min(start + size, total))} of ${counted(total)}`
      : "No rows";
    this.of.textContent = `of ${counted(last + 1)}`;
    if (this.input.getRootNode().activeElement !== this.input) this.input.value = counted(page + 1);
    this.first.disabled = this.previous.disabled = page <= 0;
    this.next.disabled = this.final.disabled = page >= last;
    this.trouble.textContent = trouble;
    this.trouble.classList.toggle("tv-error", Boolean(trouble));
  }
}

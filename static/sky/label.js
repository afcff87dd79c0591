// What is under the pointer: the id and a few columns of a row, or how many rows lie in a bin.
import { element } from "../parts/kit.js";

const WAIT = 60; // ms a pointer rests on a row before its values are fetched
const KEPT = 200; // labels of rows

export class Label {
  constructor(host) {
    this.host = host;
    this.box = element("div", { class: "row-label", hidden: true, "aria-hidden": "true" });
    host.append(this.box);
    this.known = new Map();
    this.row = -1;
  }

  // A row of a catalogue under the pointer at (x, y), -1 for none. True when there is one.
  offer(row, x, y, catalog) {
    if (row < 0) {
      this.hide();
      return false;
    }
    this.#place(x, y);
    if (row === this.row) return true;
    clearTimeout(this.timer);
    this.row = row;
    const key = `${catalog.info.key}/${catalog.info.version}/${row}`;
    if (this.known.has(key)) this.#show(this.known.get(key));
    else this.timer = setTimeout(() => this.#fetch(key, row, catalog), WAIT);
    return true;
  }

  // Words about something else at (x, y): pairs of a name and a text.
  tell(lines, x, y) {
    this.#place(x, y);
    this.#show(lines);
  }

  // A bin of a density: how many rows it has, and what its colour says.
  say(bin, x, y, { info }) {
    if (!bin?.count) {
      this.hide();
      return false;
    }
    clearTimeout(this.timer);
    this.row = -1;
    const lines = [["rows", bin.count.toLocaleString("en")]];
    if (bin.marked) lines.push(["marked", bin.marked.toLocaleString("en")]);
    const { scale } = info;
    if (scale && bin.value !== null) {
      const commonest = scale.classes.length ? scale.classes[bin.value]?.name : null;
      const mean = Number.isFinite(bin.value) ? Number(bin.value.toPrecision(5)).toString() : "none";
      lines.push(scale.classes.length ? [`most ${scale.label}`, commonest ?? "none"] : [`mean ${scale.label}`, mean]);
    }
    this.#place(x, y);
    this.#show(lines);
    return true;
  }

  async #fetch(key, row, catalog) {
    try {
      const lines = await catalog.label(row);
      if (this.known.size > KEPT) this.known.clear();
      this.known.set(key, lines);
      if (this.row === row) this.#show(lines);
    } catch {
      if (this.row === row) this.hide(); // a label is no reason for a message; the next one may come
    }
  }

  #place(x, y) {
    const { clientWidth: width, clientHeight: height } = this.host;
    const [right, low] = [x > width / 2, y > height / 2];
    this.box.style.left = right ? "" : `${x + 14}px`;
    this.box.style.right = right ? `${width - x + 14}px` : "";
    this.box.style.top = low ? "" : `${y + 10}px`;
    this.box.style.bottom = low ? `${height - y + 10}px` : "";
  }

  #show(lines) {
    this.box.replaceChildren(
      ...lines.flatMap(([name, text]) => [element("span", { class: "name" }, name), element("span", {}, text || "—")]),
    );
    this.box.hidden = false;
  }

  hide() {
    clearTimeout(this.timer);
    this.row = -1;
    this.box.hidden = true;
  }

  close() {
    clearTimeout(this.timer);
    this.box.remove();
  }
}

// The section of coverage maps in the panel of layers: the list with its looks and acts, joining two, adding more.
import { element } from "../parts/kit.js";

const SIGNS = [["union", "∪ union"], ["intersection", "∩ intersection"], ["difference", "− difference"]];
const SOURCES = { rows: "rows shown", marked: "rows marked", footprints: "footprints" };

export class MocPanel {
  constructor(body, ask, signal) {
    this.ask = ask;
    this.signal = signal;
    this.body = body;
    this.told = {};
    this.mocs = [];
    this.maps = element("div", { class: "maps", role: "list", "aria-label": "Coverage maps" });
    this.problem = element("div", { class: "note tv-error", role: "alert", hidden: true });
    this.words = element("span", { class: "note" });
    this.waiting = element("div", { class: "line", role: "status", hidden: true }, this.words, this.#button("Stop", () => ask("stop")));
    body.replaceChildren(this.maps, this.#joining(), this.#adding(), this.waiting, this.problem);
    body.closest(".section").open = false;
    this.list([], {});
  }

  // Acts of the hand in this section, until the view closes.
  #on(node, type, run) {
    node.addEventListener(type, run, { signal: this.signal });
    return node;
  }

  #button(text, run, more = {}) {
    return this.#on(element("button", { type: "button", ...more }, text), "click", run);
  }

  #joining() {
    this.one = element("select", { "aria-label": "First map" });
    this.sign = element("select", { "aria-label": "Operation" }, ...SIGNS.map(([value, text]) => element("option", { value }, text)));
    this.other = element("select", { "aria-label": "Second map" });
    const join = () => this.ask("combine", { key: this.one.value, other: this.other.value, text: this.sign.value });
    this.joins = element("div", { class: "line", hidden: true }, this.one, this.sign, this.other, this.#button("Join", join));
    return this.joins;
  }

  #adding() {
    this.offers = element("select", { "aria-label": "Coverage map of a survey" });
    const offer = () => this.offers.value && this.ask("offer", { text: this.offers.value });
    this.source = element("select", { "aria-label": "Make a map of" });
    this.order = element("input", { type: "number", min: 3, max: 18, value: 10, "aria-label": "Order", title: this.#size(10) });
    this.#on(this.order, "input", () => (this.order.title = this.#size(this.order.value)));
    const make = () => {
      const what = this.source.value === "footprints" ? "footprints" : "rows";
      this.ask(what, { text: this.source.value === "marked" ? "marked" : "", number: Math.round(Number(this.order.value)) });
    };
    this.address = element("input", { type: "url", placeholder: "https://… MOC as FITS, JSON, text", "aria-label": "Address of a MOC" });
    const open = () => this.address.value.trim() && this.ask("url", { text: this.address.value.trim() });
    this.#on(this.address, "keydown", (event) => event.key === "Enter" && open());
    this.file = element("input", { type: "file", hidden: true, "aria-label": "File of a MOC" });
    this.#on(this.file, "change", () => this.file.files[0] && this.#send(this.file.files[0]));
    this.making = element("div", { class: "line" }, this.source, element("label", {}, "order", this.order), this.#button("Make map", make));
    this.offered = element("div", { class: "line" }, this.offers, this.#button("Add", offer));
    const foreign = element(
      "div",
      { class: "line" },
      this.address,
      this.#button("Open", open),
      this.#button("File …", () => this.file.click()),
      this.file,
    );
    return element("div", { class: "adding" }, this.offered, this.making, foreign);
  }

  #size(order) {
    const degrees = 58.6 / 2 ** order;
    return degrees >= 1 ? `cells of ${degrees.toFixed(1)}°` : degrees * 60 >= 1 ? `cells of ${(degrees * 60).toFixed(1)}′` : `cells of ${(degrees * 3600).toFixed(1)}″`;
  }

  async #send(file) {
    this.trouble("");
    this.file.value = "";
    if (file.size > this.told.most) {
      this.trouble(`${file.name} is larger than ${Math.round(this.told.most / 2 ** 20)} MiB.`);
      return;
    }
    try {
      const headers = { "Content-Type": "application/octet-stream", "X-File-Name": encodeURIComponent(file.name) };
      const answer = await fetch(this.told.intake, { method: "POST", body: file, headers, signal: this.signal });
      const found = await answer.json();
      if (!answer.ok) throw new Error([found.message, found.hint].filter(Boolean).join(" "));
      this.ask("file", { text: found.file });
    } catch (error) {
      if (!this.signal.aborted) this.trouble(`${file.name} did not arrive. ${error.message}`);
    }
  }

  trouble(text) {
    this.problem.textContent = text;
    this.problem.hidden = !text;
  }

  // What can be made and what is under way, as the server tells it.
  desk(told) {
    this.told = told;
    const fill = (select, options) => {
      const before = select.value;
      select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
      if (options.some(([value]) => value === before)) select.value = before;
    };
    fill(this.offers, (told.offers ?? []).map(({ name, url }) => [url, name]));
    this.offered.hidden = !told.offers?.length;
    const sources = told.sources ?? [];
    const kinds = ["rows", "marked", "footprints"].filter((kind) =>
      kind === "marked" ? told.marked && sources.includes("rows") : sources.includes(kind),
    );
    fill(this.source, kinds.map((kind) => [kind, SOURCES[kind]]));
    this.making.hidden = !kinds.length;
    this.words.textContent = told.busy ?? "";
    this.waiting.hidden = !told.busy;
    this.trouble(told.problem ?? "");
    this.list(this.mocs, told);
  }

  list(mocs, told) {
    this.mocs = mocs;
    // What the hand holds must not be made anew under it.
    const held = this.maps.contains(this.body.getRootNode().activeElement);
    const same = mocs.map(({ key }) => key).join() === [...this.maps.children].map((node) => node.dataset.key).join();
    if (held && same) for (const [at, moc] of mocs.entries()) this.maps.children[at].refresh(moc, told);
    else this.maps.replaceChildren(...mocs.map((moc) => this.#map(moc, told)));
    this.joins.hidden = mocs.length < 2;
    for (const [select, fallback] of [[this.one, 0], [this.other, 1]]) {
      const before = select.value;
      select.replaceChildren(...mocs.map(({ key, name }) => element("option", { value: key }, name)));
      select.value = mocs.some(({ key }) => key === before) ? before : (mocs[fallback]?.key ?? "");
    }
  }

  #map(moc, told) {
    const { key } = moc;
    const shown = element("input", { type: "checkbox", "aria-label": `Show ${moc.name}` });
    const colour = element("input", { type: "color", "aria-label": `Colour of ${moc.name}` });
    const opacity = element("input", { type: "range", min: 5, max: 100, "aria-label": `Opacity of ${moc.name}` });
    const mark = this.#button("Mark rows", (event) => {
      const text = event.shiftKey ? "or" : event.altKey ? "and not" : "and";
      this.ask("mark", { key, text });
    }, { title: "Mark the rows inside; with Shift add them, with Alt take them away" });
    const save = (form) =>
      element("a", { href: `${this.told.url}?ask=save&key=${key}&form=${form}`, download: "", title: `Save as ${form.toUpperCase()}` }, form.toUpperCase());
    this.#on(shown, "change", () => this.ask("style", { key, text: shown.checked ? "show" : "hide" }));
    this.#on(colour, "input", () => this.restyle(key, { colour: colour.value }));
    this.#on(colour, "change", () => this.ask("style", { key, text: colour.value }));
    this.#on(opacity, "input", () => this.restyle(key, { opacity: Number(opacity.value) }));
    this.#on(opacity, "change", () => this.ask("style", { key, number: Number(opacity.value) }));
    const node = element(
      "div",
      { class: "map", role: "listitem", "data-key": key },
      element(
        "div",
        { class: "line" },
        shown,
        colour,
        element("span", { class: "name", title: moc.name }, moc.name),
        this.#button("×", () => this.ask("remove", { key }), { "aria-label": `Remove ${moc.name}`, class: "quiet" }),
      ),
      element("div", { class: "note" }, facts(moc)),
      element("div", { class: "line" }, mark, this.#button("Go to", () => this.ask("go", { key })), save("fits"), save("json"), opacity),
    );
    node.refresh = (now, desk) => {
      shown.checked = now.shown;
      colour.value = now.colour;
      opacity.value = now.opacity;
      mark.disabled = !desk.selects;
    };
    node.refresh(moc, told);
    return node;
  }
}

function facts({ area, order, note }) {
  const digits = area >= 100 ? 1 : area >= 1 ? 3 : 6;
  const size = area.toLocaleString("en", { maximumFractionDigits: digits });
  return [`${size} deg²`, `order ${order}`, note].filter(Boolean).join(" · ");
}

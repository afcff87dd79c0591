// A file that is here: what it is, which of its tables, its columns, positions and first rows; then what to do with it.
import { element, gesture } from "../parts/kit.js";
import { Columns } from "./columns.js";

const FORMATS = { votable: "VOTable", fits: "FITS", csv: "CSV or other text", ecsv: "ECSV", ipac: "IPAC", parquet: "Parquet", arrow: "Arrow",
  regions: "Region list", ids: "List of ids", positions: "List of positions" };
const DELIMITERS = { ",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", " ": "blanks" };
const ENCODINGS = ["utf-8", "utf-16", "latin-1"];
const UNITS = { deg: "degrees", hourangle: "hours (RA)", rad: "radians", sexagesimal: "sexagesimal" };
const FRAMES = { icrs: "ICRS", fk5: "FK5 (J2000)", fk4: "FK4 (B1950)", galactic: "Galactic", ecliptic: "Ecliptic" };

function choice(label, options) {
  const select = element("select", { "aria-label": label }, ...options.map(([value, words]) => element("option", { value }, words)));
  return { select, node: element("label", {}, element("span", { class: "muted" }, label), select) };
}

const list = (entries, ...first) => [...first, ...Object.entries(entries)];

function size(bytes) {
  return bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${Math.max(1, Math.round(bytes / 1024)).toLocaleString("en-US")} KiB`;
}

export class File {
  constructor(model, failed) {
    this.model = model;
    this.failed = failed;
    this.ticket = 0;
    this.about = element("div", { class: "line" });
    this.format = choice("Format", list(FORMATS, ["", "as found"]));
    this.part = choice("Table", []);
    this.delimiter = choice("Separated by", list(DELIMITERS, ["", "as found"]));
    this.header = choice("Names in first line", [["", "as found"], ["yes", "yes"], ["no", "no"]]);
    this.encoding = choice("Text", [["", "as found"], ...ENCODINGS.map((name) => [name, name])]);
    this.kindLine = element("div", { class: "line" }, this.format.node, this.part.node, this.delimiter.node, this.header.node, this.encoding.node);
    this.notes = element("ul", { class: "notes" });
    this.columns = new Columns(() => this.look());
    this.ra = choice("RA", []);
    this.dec = choice("Dec", []);
    this.unit = choice("in", Object.entries(UNITS));
    this.frame = choice("Frame", Object.entries(FRAMES));
    this.placeLine = element("div", { class: "line" }, element("strong", {}, "Positions"), this.ra.node, this.dec.node, this.unit.node, this.frame.node);
    this.rows = element("div", { class: "scroll rows", role: "region", "aria-label": "First rows", tabindex: "0" });
    this.title = element("input", { "aria-label": "Title of the result", maxlength: "200" });
    this.name = element("input", { class: "mono", "aria-label": "Name in queries", maxlength: "64" });
    this.open = element("button", { class: "primary" }, "Open as result");
    this.use = element("button", { title: "Open it, and send it with queries that name it" }, "Open and use in queries");
    this.foot = element("div", { class: "foot" }, element("label", {}, "Title", this.title), this.open, element("span", { class: "grow" }),
      element("label", {}, "TAP_UPLOAD.", this.name), this.use);
    this.table = element("div", { style: "display:contents" }, this.columns.bar, this.columns.node, this.placeLine, this.rows);
    this.node = element("div", { style: "display:contents", hidden: true }, this.about, this.kindLine, this.notes, this.table);
    for (const { select } of [this.format, this.delimiter, this.header, this.encoding, this.part]) {
      select.addEventListener("change", () => this.look(select === this.format));
    }
    for (const { select } of [this.ra, this.dec, this.unit, this.frame]) select.addEventListener("change", () => { this.placed = true; });
    this.open.addEventListener("click", () => this.load(""));
    this.use.addEventListener("click", () => this.load(this.name.value.trim()));
    this.foot.hidden = true;
  }

  take(staged, note) {
    this.staged = staged;
    this.note = note;
    this.placed = false;
    this.columns.fill([], true);
    for (const { select } of [this.format, this.delimiter, this.header, this.encoding]) select.value = "";
    this.part.select.replaceChildren();
    this.title.value = staged.name;
    this.name.value = nameOf(staged.name);
    this.node.hidden = false;
    this.foot.hidden = true;
    this.look(true);
  }

  // Asks what the file holds, read the way the controls say; the newest answer counts.
  async look(anew = false) {
    const ticket = ++this.ticket;
    const said = { file: this.staged.file, format: this.format.select.value, delimiter: this.delimiter.select.value, header: this.header.select.value,
      encoding: this.encoding.select.value, part: anew ? "" : this.part.select.value, types: this.columns.types() };
    this.failed(null);
    this.busy(true);
    this.about.replaceChildren(element("strong", {}, this.staged.name), element("span", { class: "muted" }, `${size(this.staged.bytes)} · looking …`));
    let answer;
    try {
      const response = await fetch(`${this.model.preview_url}?${new URLSearchParams(said)}`);
      answer = response.ok ? await response.json() : { problem: [`The file could not be looked at (status ${response.status}).`, "Try again."] };
    } catch {
      answer = { problem: ["The portal does not answer.", "Try again in a moment."] };
    }
    if (ticket !== this.ticket || answer.stopped) return;
    this.show(answer);
  }

  get ready() {
    return Boolean(this.columns.columns.length);
  }

  busy(on) {
    this.open.disabled = this.use.disabled = on;
    this.node.classList.toggle("tv-busy", on);
  }

  show(answer) {
    const { kind } = answer;
    this.kind = kind;
    const columns = answer.columns ?? [];
    const image = element("button", { class: kind ? "" : "primary", hidden: !answer.image }, "Open as image");
    image.addEventListener("click", () => gesture(this.model, "imaged", { key: this.staged.file }));
    this.about.replaceChildren(image, element("strong", {}, this.staged.name),
      element("span", { class: "muted" }, [size(this.staged.bytes), kind?.label, columns.length && `${columns.length.toLocaleString("en-US")} columns`].filter(Boolean).join(" · ")));
    this.kindLine.hidden = !kind;
    if (kind) this.showKind(kind);
    const notes = [...(this.note ? [this.note] : []), ...(kind?.notes ?? []), ...(answer.notes ?? []), ...(answer.positions?.notes ?? [])];
    this.notes.replaceChildren(...[...new Set(notes)].map((note) => element("li", {}, note)));
    this.notes.hidden = !notes.length;
    this.failed(answer.problem ?? null);
    // Columns that were corrected stay on the page when the file cannot be read as they say, so that they can be put right.
    if (!answer.problem) this.showTable(answer, columns);
    this.table.hidden = this.foot.hidden = !this.columns.columns.length;
    this.busy(Boolean(answer.problem));
  }

  showKind(kind) {
    const text = kind.delimiter !== "";
    this.delimiter.node.hidden = this.header.node.hidden = this.encoding.node.hidden = !text;
    this.format.select.options[0].textContent = `as found: ${FORMATS[kind.format] ?? kind.format}`;
    if (text) {
      this.delimiter.select.options[0].textContent = `as found: ${DELIMITERS[kind.delimiter] ?? kind.delimiter}`;
      this.header.select.options[0].textContent = `as found: ${kind.header ? "yes" : "no"}`;
      this.encoding.select.options[0].textContent = `as found: ${kind.encoding}`;
    }
    this.part.node.hidden = kind.parts.length < 2;
    const chosen = this.part.select.value;
    this.part.select.replaceChildren(...kind.parts.map((part) => element("option", { value: part.number },
      [part.name || `table ${part.number}`, part.rows >= 0 && `${part.rows.toLocaleString("en-US")} rows`, part.columns && `${part.columns} columns`].filter(Boolean).join(" · "))));
    if ([...this.part.select.options].some((option) => option.value === chosen)) this.part.select.value = chosen;
  }

  showTable(answer, columns) {
    this.columns.fill(columns, false);
    const names = columns.filter((column) => !column.array).map((column) => [column.name, column.name]);
    const was = [this.ra, this.dec].map(({ select }) => select.value);
    for (const { select } of [this.ra, this.dec]) {
      select.replaceChildren(...[["", "none"], ...names].map(([value, words]) => element("option", { value }, words)));
    }
    const guess = answer.positions ?? { ra: "", dec: "", unit: "deg", frame: "icrs" };
    const places = this.placed ? { ra: was[0], dec: was[1], unit: this.unit.select.value, frame: this.frame.select.value } : guess;
    for (const key of ["ra", "dec", "unit", "frame"]) this[key].select.value = places[key];
    const shown = columns.slice(0, answer.rows?.[0]?.length ?? 0);
    const head = element("tr", {}, ...shown.map((column) => element("th", { scope: "col", title: column.description }, column.name)));
    const body = (answer.rows ?? []).map((row) => element("tr", {}, ...row.map((text) => (text === null ? element("td", { class: "null" }, "–") : element("td", {}, text)))));
    this.rows.replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)));
  }

  load(share) {
    const kept = this.columns.kept();
    if (!kept.columns.length) return this.failed(["No column is kept.", "Keep at least one."]);
    const part = this.part.select.value;
    gesture(this.model, "loaded", { file: this.staged.file, title: this.title.value, found: this.kind?.format ?? "", format: this.format.select.value,
      part: part === "" ? -1 : Number(part), delimiter: this.delimiter.select.value, header: this.header.select.value, encoding: this.encoding.select.value,
      ...kept, ra: this.ra.select.value, dec: this.dec.select.value, unit: this.unit.select.value, frame: this.frame.select.value, share });
  }
}

function nameOf(title) {
  const stem = title.split(".")[0].replace(/\W+/g, "_").replace(/^_+|_+$/g, "").slice(0, 48) || "targets";
  return /^[A-Za-z]/.test(stem) ? stem : `t_${stem}`;
}

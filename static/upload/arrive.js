// How a file comes to the panel: dropped, chosen, pasted or fetched from an address; its bytes go out by HTTP.
import { element, gesture } from "../parts/kit.js";

const DROPPED = "tv-dropped"; // the page's frame says so when a file falls on it anywhere

export class Arrive {
  // `arrived({file, name, bytes}, note)` when a file is with the portal; `failed([message, hint])` when it is not.
  constructor(model, arrived, failed) {
    this.model = model;
    this.arrived = arrived;
    this.failed = failed;
    this.request = null;
    this.build();
    this.take = () => {
      const files = document.tvDropped ?? [];
      document.tvDropped = null;
      if (files.length) this.send(files[0], files[0].name, files.length > 1 ? `Only the first of ${files.length} files was taken; drop the others after it.` : "");
    };
    document.addEventListener(DROPPED, this.take);
    this.take();
    this.sync();
  }

  build() {
    const { model } = this;
    this.input = element("input", { type: "file", hidden: true, "aria-label": "File" });
    const choose = element("button", { class: "primary" }, "Choose a file");
    const paste = element("button", { "aria-expanded": "false" }, "Paste text");
    this.url = element("input", { class: "url mono", type: "url", placeholder: "https://…", "aria-label": "Address of a file" });
    const fetch = element("button", {}, "Fetch");
    this.text = element("textarea", { "aria-label": "Text to upload", spellcheck: "false",
      placeholder: "ids, one on a line · positions (62.0 -37.0 or 04:08:00 -37:00:00) · CSV with names in the first line · DS9 regions" });
    const use = element("button", { class: "primary" }, "Use this text");
    this.pasted = element("div", { hidden: true }, this.text, element("div", { class: "line" }, use));
    this.bar = element("progress", { max: "1", "aria-label": "Upload" });
    this.words = element("span", { class: "muted", role: "status" });
    this.stopButton = element("button", {}, "Stop");
    this.moving = element("div", { class: "line", hidden: true }, this.bar, this.words, this.stopButton);
    this.hint = element("div", { class: "muted" }, "VOTable, FITS, CSV and other text tables, ECSV, IPAC, Parquet, Arrow, region and id lists; gzip too");
    this.lead = element("strong", {}, "Drop a file here");
    this.line = element("div", { class: "line" }, choose, this.input, paste, this.url, fetch);
    this.drop = element("div", { class: "drop empty" }, this.lead, this.line, this.moving, this.hint);
    this.node = element("div", {}, this.drop, this.pasted);

    choose.addEventListener("click", () => this.input.click());
    this.input.addEventListener("change", () => {
      if (this.input.files[0]) this.send(this.input.files[0], this.input.files[0].name);
      this.input.value = "";
    });
    paste.addEventListener("click", () => {
      this.pasted.hidden = !this.pasted.hidden;
      paste.setAttribute("aria-expanded", String(!this.pasted.hidden));
      if (!this.pasted.hidden) this.text.focus();
    });
    use.addEventListener("click", () => {
      if (!this.text.value.trim()) return;
      this.send(new Blob([this.text.value]), "pasted.txt");
      this.pasted.hidden = true;
      paste.setAttribute("aria-expanded", "false");
    });
    const ask = () => this.url.value.trim() && gesture(model, "fetched", { url: this.url.value.trim() });
    fetch.addEventListener("click", ask);
    this.url.addEventListener("keydown", (event) => event.key === "Enter" && ask());
    this.stopButton.addEventListener("click", () => this.stop());
  }

  // A file that is here makes room for its columns.
  compact(on) {
    this.drop.classList.toggle("empty", !on);
    this.hint.hidden = on;
    this.lead.textContent = on ? "Another file:" : "Drop a file here";
  }

  send(blob, name, note = "") {
    this.request?.abort();
    if (blob.size > this.model.most_bytes) {
      const most = (this.model.most_bytes / 2 ** 20).toLocaleString("en-US");
      this.failed([`${name} is larger than ${most} MiB, the limit of this portal.`, "Send fewer rows or columns, a compressed file or Parquet."]);
      return;
    }
    const request = (this.request = new XMLHttpRequest());
    request.open("POST", this.model.intake_url);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-File-Name", encodeURIComponent(name));
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      this.bar.value = event.total ? event.loaded / event.total : 0;
      this.words.textContent = `${name} · ${Math.round((100 * event.loaded) / Math.max(1, event.total))} %`;
    });
    const over = (run) => () => {
      if (this.request !== request) return;
      this.request = null;
      this.sync();
      run();
    };
    request.addEventListener("load", over(() => {
      const answer = request.response ?? {};
      if (request.status === 200) this.arrived(answer, note);
      else this.failed([answer.message ?? `The portal did not take the file (status ${request.status}).`, answer.hint ?? "Reload the page and try again."]);
    }));
    request.addEventListener("error", over(() => this.failed(["The connection broke while the file was sent.", "Try again."])));
    this.words.textContent = name;
    this.bar.value = 0;
    request.send(blob);
    this.sync();
  }

  stop() {
    const { request } = this;
    this.request = null;
    request?.abort();
    if (this.model.fetching) gesture(this.model, "stopped");
    this.sync();
  }

  sync() {
    const { fetching } = this.model;
    this.moving.hidden = !this.request && !fetching;
    if (fetching && !this.request) {
      this.words.textContent = fetching;
      this.bar.removeAttribute("value");
    }
  }

  remove() {
    document.removeEventListener(DROPPED, this.take);
    this.request?.abort();
  }
}

// A picture of every row in sight: asked for when drawn, a few at a time, and not any more for rows scrolled away.
import { joined } from "./pages.js";

const AT_ONCE = 2; // more would only wait in the archive's queue
const KEPT = 500; // pictures, of some 5 kB
const WAIT = 200; // ms: rows that are scrolled past are not asked for

export class Thumbs {
  constructor(model) {
    this.model = model;
    this.images = new Map();
    this.queue = [];
    this.running = 0;
    this.timer = null;
    this.stopped = false;
  }

  // The element that stands for a row; its picture comes when there is room in the queue.
  of(row) {
    const address = joined(this.model.thumbs, `row=${row[0]}`);
    let image = this.images.get(address);
    if (!image) {
      image = document.createElement("img");
      image.alt = "";
      image.className = "tv-thumb-image";
      image.loading = "eager";
      // The picture is in memory by then; its address would keep it there for good.
      image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
      this.images.set(address, image);
      if (this.images.size > KEPT) this.images.delete(this.images.keys().next().value);
    }
    if (!image.src && !image.dataset.failed && !this.queue.some(([other]) => other === image)) {
      this.queue.push([image, address]);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.next(), WAIT);
    }
    return image;
  }

  next() {
    while (this.running < AT_ONCE && this.queue.length) {
      const [image, address] = this.queue.shift();
      if (!image.isConnected) continue; // scrolled away: asked for again when it is back
      this.running++;
      this.load(image, address).finally(() => {
        this.running--;
        this.next();
      });
    }
  }

  async load(image, address) {
    try {
      const response = await fetch(address);
      if (!response.ok) {
        const said = await response.json().catch(() => ({}));
        throw new Error([said.message, said.hint].filter(Boolean).join(" ") || `No picture (status ${response.status}).`);
      }
      const wait = Number(response.headers.get("Retry-After"));
      if (wait) {
        // The archive's quota is used up: the whole queue waits.
        await new Promise((done) => { setTimeout(done, 1000 * wait); });
        if (!this.stopped) this.queue.unshift([image, address]);
        return;
      }
      const picture = await response.blob();
      if (!picture.size) throw new Error("No image covers this position.");
      image.src = URL.createObjectURL(picture);
      image.title = "";
    } catch (error) {
      image.dataset.failed = "1";
      image.title = String(error.message ?? error);
    }
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.queue = [];
    this.images.clear();
  }
}

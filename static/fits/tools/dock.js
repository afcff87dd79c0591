// The sheet beside the images on which the tool in hand has its buttons and answers; one tool at a time.
import { element } from "../../parts/kit.js";

export class Dock {
  constructor(viewer) {
    this.viewer = viewer;
    this.title = element("h3", {});
    this.close = element("button", { type: "button", class: "quiet", title: "Lay the tool down (Esc)", "aria-label": "Close" }, "×");
    this.across = element("button", { type: "button", class: "quiet", title: "To the other side", "aria-label": "To the other side" }, "⇄");
    this.body = element("div", { class: "dock-body" });
    this.problem = element("p", { class: "problem tv-error", role: "alert", hidden: true });
    this.root = element("section", { class: "dock", hidden: true }, element("header", {}, this.title, this.across, this.close), this.problem, this.body);
    this.close.addEventListener("click", () => viewer.lay());
    this.across.addEventListener("click", () => this.root.classList.toggle("left"));
    this.root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      viewer.lay();
      viewer.host.focus();
    });
    viewer.root.append(this.root);
  }

  show(title, ...nodes) {
    this.title.textContent = title;
    this.root.setAttribute("aria-label", title);
    this.body.replaceChildren(...nodes);
    this.fail("");
    this.root.hidden = false;
  }

  hide() {
    this.root.hidden = true;
    this.body.replaceChildren();
  }

  // What went wrong, under the title; "" when all is well.
  fail(text) {
    this.problem.textContent = text;
    this.problem.hidden = !text;
  }
}

// A question that a newer one replaces: `run(ask, done)`, where `ask(signal)` fetches. Errors go to `failed(text)`.
export function latest(failed) {
  let request = new AbortController();
  const drop = () => request.abort();
  const run = async (ask, done) => {
    drop();
    request = new AbortController();
    const { signal } = request;
    try {
      const found = await ask(signal);
      if (signal.aborted) return;
      failed("");
      done(found);
    } catch (error) {
      if (!signal.aborted) failed(error.message);
    }
  };
  return { run, drop };
}

// Sends a text to a question of an image that takes one; the answer as JSON. Throws an Error with a text for the user.
export async function post(image, what, more, body, signal) {
  const answer = await fetch(image.ask(what, more), { method: "POST", body, signal });
  if (answer.ok) return answer;
  const text = await answer.text();
  let told = {};
  try {
    told = JSON.parse(text);
  } catch {
    told = { message: text.slice(0, 300) };
  }
  throw new Error([told.message || `status ${answer.status}`, told.hint].filter(Boolean).join(" "));
}

// Has the browser save bytes under a name.
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = element("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// A file name from what an image is called.
export const fileName = (text, end) => `${text.replace(/[^\w.+-]+/g, "_").slice(0, 80) || "image"}${end}`;

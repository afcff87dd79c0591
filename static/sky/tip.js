// A few words beside the pointer: text only, inside the view, never under the hand.
import { element } from "../parts/kit.js";

const AWAY = 14;

export class Tip {
  constructor(root) {
    this.root = root;
    this.box = element("div", { class: "tip", role: "status", hidden: true });
    root.append(this.box);
  }

  show(lines, x, y) {
    this.box.replaceChildren(...lines.map((line) => element("div", {}, line)));
    this.box.hidden = !lines.length;
    this.move(x, y);
  }

  move(x, y) {
    if (this.box.hidden) return;
    const { clientWidth: width, clientHeight: height } = this.root;
    const left = x + AWAY + this.box.offsetWidth > width ? x - AWAY - this.box.offsetWidth : x + AWAY;
    const top = Math.min(y + AWAY, height - this.box.offsetHeight - 4);
    this.box.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  }

  hide() {
    this.box.hidden = true;
  }

  close() {
    this.box.remove();
  }
}

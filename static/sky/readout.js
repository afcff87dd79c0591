// The line below the sky: the place under the pointer in the chosen form, the value of the pixel, what the view shows.
import { element } from "../parts/kit.js";
import { plainPosition, positionIn } from "../parts/skyframes.js";
import { angleText } from "../parts/sphere.js";

const COPIED_MS = 1200;

export const valueText = (value) => (Math.abs(value) >= 1e6 || (value && Math.abs(value) < 1e-3) ? value.toExponential(4) : value.toPrecision(6));

export class Readout {
  constructor() {
    this.place = element("button", { type: "button", class: "place", title: "Copy the position (X)" });
    this.value = element("span", { class: "value" });
    this.lock = element("input", { type: "checkbox" });
    const words = "Hold the place that was clicked instead of following the pointer (H)";
    this.held = element("label", { class: "tick", title: words }, this.lock, "hold");
    this.field = element("span", { class: "field" });
    this.root = element("div", { class: "readout" }, this.place, this.value, this.held, this.field);
    this.form = "both";
    this.world = null;
    this.fov = 1;
    this.place.addEventListener("click", () => this.copy());
  }

  // The position [ra, dec] and the value there ({value, unit, name} or null).
  show(world, fov, found = null) {
    if (!world || !fov) return;
    [this.world, this.fov] = [world, fov];
    this.place.textContent = positionIn(this.form, ...world, fov);
    this.value.textContent = found ? `${valueText(found.value).replace("-", "−")} ${found.unit}` : "";
    this.value.title = found ? `Value of the pixel in ${found.name}` : "";
  }

  describe(view) {
    this.field.textContent = `${angleText(view.fov)} wide · ${view.kind}`;
  }

  async copy() {
    if (!this.world) return;
    const text = plainPosition(this.form, ...this.world, this.fov);
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      this.field.textContent = "The browser does not let this page copy.";
      return;
    }
    const before = this.place.textContent;
    this.place.textContent = `copied: ${text}`;
    setTimeout(() => this.place.textContent.startsWith("copied:") && (this.place.textContent = before), COPIED_MS);
  }

  again() {
    if (this.world) this.show(this.world, this.fov);
  }
}

// Which mask planes are left out when something is measured: one choice for all tools.
import { element } from "../../parts/kit.js";

export function leftOut() {
  const chosen = new Set();
  const watchers = [];
  return {
    chosen: () => [...chosen],
    // For one image: names parted by commas, only those it has.
    of: (image) => image.meta.masks.filter(({ name }) => chosen.has(name)).map(({ name }) => name).join(","), // prettier-ignore
    watch: (run) => watchers.push(run),
    // The choice as a part of a tool's sheet; nothing for images without mask.
    node(viewer) {
      const known = new Map();
      for (const image of viewer.images()) for (const one of image.meta?.masks ?? []) known.set(one.name, one.doc);
      if (!known.size) return element("span");
      const count = element("summary", {});
      const tell = () => (count.textContent = chosen.size ? `Left out: ${[...chosen].join(", ")}` : "Masked pixels count");
      const boxes = [...known].map(([name, doc]) => {
        const box = element("input", { type: "checkbox", checked: chosen.has(name) });
        box.addEventListener("change", () => {
          if (box.checked) chosen.add(name);
          else chosen.delete(name);
          tell();
          for (const run of watchers) run();
        });
        return element("label", { title: doc || name }, box, ` ${name}`);
      });
      tell();
      return element("details", { class: "planes" }, count, element("div", { class: "boxes" }, ...boxes));
    },
  };
}

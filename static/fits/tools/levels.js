// The histogram tool: how often each value occurs in the image or in what is seen, with black and white to drag.
import { debounce, element } from "../../parts/kit.js";
import { latest } from "./dock.js";
import { Plot } from "./plot.js";

export function histogramTool(dock) {
  let viewer = null;
  let held = false;
  let part = "image";
  let wide = false;
  const asking = latest((text) => dock().fail(text));
  const plot = new Plot({ height: 200, x: "value", y: "log₁₀ (1 + n)", label: "Histogram of pixel values" });
  const of = element("select", { "aria-label": "Histogram of" }, element("option", { value: "image" }, "the whole image"), element("option", { value: "view" }, "what is seen"));
  const all = element("input", { type: "checkbox" });
  const said = element("p", { class: "muted told" });
  of.addEventListener("change", () => {
    part = of.value;
    ask();
  });
  all.addEventListener("change", () => {
    wide = all.checked;
    ask();
  });

  // Black and white as drawn.
  const levels = () => viewer.cells().find((one) => one.images.includes(viewer.current()))?.limits ?? null;

  const seen = (image) => {
    const cell = viewer.cells().find((one) => one.image === image);
    if (!cell || part === "image") return {};
    const corners = [[0, 0], [cell.width, 0], [0, cell.height], [cell.width, cell.height]].map(([px, py]) => cell.pixelAt(px, py));
    const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
    const x0 = Math.max(0, Math.floor(Math.min(...xs)));
    const y0 = Math.max(0, Math.floor(Math.min(...ys)));
    const box = [x0, y0, Math.min(image.nx, Math.max(x0 + 1, Math.ceil(Math.max(...xs)))), Math.min(image.ny, Math.max(y0 + 1, Math.ceil(Math.max(...ys))))];
    return { box: box.join(",") };
  };

  const ask = () => {
    const image = held && viewer.current();
    if (!image?.ready) return;
    const box = seen(image);
    asking.run(
      async (signal) => {
        if (wide) return image.answer("histogram", box, signal);
        // Around the levels rather than all of it: one bright star would leave a single bar.
        const [low, high] = await image.answer("cuts", { kind: "99.5", ...box }, signal);
        const now = levels() ?? [low, high];
        const [from, to] = [Math.min(low, now[0]), Math.max(high, now[1])];
        const margin = (to - from) * 0.15;
        return image.answer("histogram", { low: from - margin, high: to + margin, ...box }, signal);
      },
      (found) => chart(found, image),
    );
  };

  const set = (limits) => viewer.set({ limits });
  const soon = debounce(set, 40);

  const chart = (found, image) => {
    const logs = found.counts.map((count) => Math.log10(1 + count));
    const { unit } = image.meta;
    plot.axes([found.low, found.high], [0, ...logs], { x: unit ? `value (${unit})` : "value" });
    plot.bars(found.low, found.high, logs);
    let now = levels();
    if (now) {
      const drag = (k) => (value, done) => {
        const next = now.with(k, value);
        if (!(next[0] < next[1])) return;
        now = next;
        (done ? set : soon)(next);
      };
      plot.lever(now[0], "Black level", drag(0));
      plot.lever(now[1], "White level", drag(1));
    }
    const aside = found.below + found.above;
    said.textContent = `${image.name}: ${(found.of ?? 0).toLocaleString()} values${aside ? `, ${aside.toLocaleString()} beyond the chart` : ""}`;
  };

  return {
    name: "histogram",
    title: "Histogram with black and white levels (Shift+H)",
    icon: "M3 17V12h3V7h3V4h3v6h3v4h3v3z",
    key: "H",
    begin(given) {
      viewer = given;
      held = true;
      dock().show("Histogram", element("div", { class: "line" }, element("label", {}, "Of ", of), element("label", {}, all, " all values")), plot.root, said);
      ask();
    },
    end() {
      held = false;
      asking.drop();
      dock().hide();
    },
    shown: () => held && ask(),
    draw() {},
  };
}

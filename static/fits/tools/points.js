// The points tool: places clicked on the image, their values, and all of it as a table.
import { element } from "../../parts/kit.js";
import { positionText } from "../../parts/sphere.js";
import { number } from "../readout.js";
import { latest, post } from "./dock.js";
import { drawMarks } from "./ink.js";
import { Hand } from "./hand.js";
import { shapeOn } from "./shapes.js";

export function pointsTool(marks, dock) {
  let viewer = null;
  let held = false;
  let values = new Map(); // id of a mark -> what is there on the current image
  const asking = latest((text) => dock().fail(text));
  let counter = 0;
  const hand = new Hand(marks, "point", {
    kind: () => "point",
    more: () => ({ color: "yellow", symbol: "cross", text: String(++counter) }),
    full: () => dock().fail("There are too many marks."),
  });
  const list = element("div", { class: "rows" });
  const every = element("input", { type: "checkbox" });
  const table = element("button", { type: "button", class: "primary" }, "As a table");
  const clear = element("button", { type: "button" }, "Clear");
  clear.addEventListener("click", () => {
    counter = 0;
    marks.remove((one) => one.group === "point");
  });
  table.addEventListener("click", () => {
    const images = every.checked ? viewer.images().filter((one) => one.ready) : [viewer.current()];
    const lists = images.map((image) => ({
      id: image.id,
      points: marks.of("point").flatMap((mark) => {
        const shape = shapeOn(mark, image);
        return shape ? [[mark.text, ...shape.points[0]]] : [];
      }),
    }));
    viewer.gesture("measured", { what: "points", id: viewer.current().id, text: JSON.stringify(lists) });
  });

  const ask = () => {
    const image = held && viewer.current();
    if (!image?.ready) return;
    const here = marks.of("point").flatMap((mark) => {
      const shape = shapeOn(mark, image);
      return shape ? [[mark, shape.points[0]]] : [];
    });
    if (!here.length) {
      asking.drop();
      values = new Map();
      tell();
      return;
    }
    asking.run(
      async (signal) => (await post(image, "points", {}, JSON.stringify(here.map(([, at]) => at)), signal)).json(),
      (found) => {
        values = new Map(here.map(([mark], k) => [mark.id, found[k]]));
        tell();
      },
    );
  };

  const tell = () => {
    if (!held) return;
    const all = marks.of("point");
    table.disabled = clear.disabled = !all.length;
    const unit = viewer.current()?.meta?.unit ?? "";
    const rows = all.map((mark) => {
      const found = values.get(mark.id);
      const sky = mark.image ? "" : positionText(...mark.points[0], 0.002);
      const value = found ? `${number(found.value ?? NaN)} ${unit}` : found === null ? "beside the image" : "…";
      const names = found?.names?.join(" ") ?? "";
      const words = element("button", { type: "button", class: "quiet words" }, element("b", {}, `${mark.text} `), `${value}  `, element("span", { class: "muted" }, [sky, names].filter(Boolean).join("  ")));
      words.addEventListener("click", () => marks.select(mark.id));
      const gone = element("button", { type: "button", class: "quiet", title: "Remove", "aria-label": `Remove point ${mark.text}` }, "×");
      gone.addEventListener("click", () => marks.remove((one) => one === mark));
      return element("div", { class: mark.id === marks.selected ? "row tv-current" : "row" }, words, gone);
    });
    list.replaceChildren(...(rows.length ? rows : [element("p", { class: "muted" }, "Click places on the image; drag one to move it.")]));
  };

  marks.watch((what) => {
    if (!held) return;
    if (what === "list") ask();
    tell();
  });

  return {
    name: "points",
    title: "Points: values at places, as a table (Shift+E)",
    icon: "M5 5v4M3 7h4M14 9v4M12 11h4M7 14v4M5 16h4",
    key: "E",
    begin(given) {
      viewer = given;
      held = true;
      dock().show("Values at points", list, element("div", { class: "line" }, table, element("label", {}, every, " in all images"), clear));
      tell();
      ask();
    },
    end() {
      held = false;
      asking.drop();
      hand.drop();
      dock().hide();
    },
    shown: () => held && ask(),
    pointer: (...given) => hand.pointer(...given),
    draw: (cell, group) => drawMarks(group, cell, marks.on(cell.image, "point"), held ? marks.selected : 0, held),
  };
}

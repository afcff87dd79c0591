// The regions tool: DS9 regions read, drawn, edited, measured, used to mark rows, and written.
import { element } from "../../parts/kit.js";
import { degreeText, hourText } from "../../parts/sphere.js";
import { iconButton } from "../../parts/viewer.js";
import { download, fileName, latest, post } from "./dock.js";
import { drawMarks } from "./ink.js";
import { Hand } from "./hand.js";
import { regionForm } from "./region.js";
import { shapeOn } from "./shapes.js";

const KINDS = {
  "": ["Select, move and resize", "M5 3l10 8-5 1 3 5-2 1-3-5-3 3z"],
  circle: ["Circle", "M10 3a7 7 0 1 0 .01 0z"],
  annulus: ["Annulus", "M10 2a8 8 0 1 0 .01 0zM10 6a4 4 0 1 0 .01 0z"],
  ellipse: ["Ellipse", "M10 5.500a8 4.500 0 1 0 .01 0z"],
  box: ["Box", "M3 5h14v10H3z"],
  polygon: ["Polygon: click corners, double click ends", "M4 7l8-4 5 7-4 7-9-2z"],
  line: ["Line", "M3 16L17 4"],
  point: ["Point", "M10 4v12M4 10h12"],
  text: ["Text", "M4 5h12M10 5v11"],
};
const SYSTEMS = { icrs: "ICRS", fk5: "FK5", galactic: "Galactic", ecliptic: "Ecliptic", image: "image", physical: "physical" };
const MOST_BYTES = 4 << 20; // of a file: what the server reads
const MOST_ROWS = 200; // of the list; all are drawn and saved

export function regionsTool(marks, dock, planes) {
  let viewer = null;
  let held = false;
  let kind = "circle";
  const reading = latest((text) => dock().fail(text));
  const hand = new Hand(marks, "region", {
    kind: () => kind,
    full: () => dock().fail("There are as many regions as a region file may have."),
    made: (mark) => {
      if (mark.kind === "text") form.label.focus();
      choose("");
    },
  });
  const form = regionForm(marks, planes, dock);
  const kinds = Object.entries(KINDS).map(([name, [title, icon]]) => {
    const node = iconButton(icon, title, { "aria-pressed": "false", "data-kind": name });
    node.addEventListener("click", () => choose(name));
    return node;
  });
  const list = element("div", { class: "rows short" });
  const note = element("p", { class: "muted", role: "status" });
  const file = element("input", { type: "file", accept: ".reg,.txt,text/plain", class: "unseen", tabindex: -1, "aria-label": "Region file" });
  const open = element("button", { type: "button" }, "Open …");
  const system = element("select", { "aria-label": "Coordinates of the saved regions" }, ...Object.entries(SYSTEMS).map(([name, text]) => element("option", { value: name }, text)));
  const save = element("button", { type: "button" }, "Save");
  const clear = element("button", { type: "button" }, "Delete all");
  open.addEventListener("click", () => file.click());
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    file.value = "";
    if (!chosen) return;
    if (chosen.size > MOST_BYTES) dock().fail("A region file is read up to 4 MB. Upload it as a table instead.");
    else read(await chosen.text(), chosen.name);
  });
  save.addEventListener("click", () => write());
  clear.addEventListener("click", () => marks.remove((one) => one.group === "region"));

  const choose = (name) => {
    kind = name;
    hand.drop();
    for (const node of kinds) node.setAttribute("aria-pressed", String(node.dataset.kind === name));
    viewer?.redraw();
  };

  // Shapes of a region file, onto the current image; where they lie on the sky they are on the others too.
  const read = (text, name) => {
    const image = viewer.current();
    if (!image?.ready) return;
    reading.run(
      async (signal) => (await post(image, "regions", {}, text, signal)).json(),
      ({ shapes, notes }) => {
        let added = 0;
        for (const { kind: made, points, sizes, angle, pixel, ...look } of shapes) {
          added += marks.add("region", { kind: made, points, sizes, angle }, image, look, true) ? 1 : 0;
        }
        const more = added < shapes.length ? [`${shapes.length - added} more than can be shown`] : [];
        note.textContent = [`${added} regions of ${name}`, ...notes, ...more].join("; ");
        marks.tell("list");
      },
    );
  };

  const write = () => {
    const image = viewer.current();
    if (!image?.ready) return;
    const shapes = marks.list.flatMap((mark) => {
      const shape = marks.hidden.has(mark.group) ? null : shapeOn(mark, image);
      const { text, color, width, dash, symbol, include, tags } = mark;
      return shape ? [{ kind: shape.kind, points: shape.points, sizes: shape.sizes, angle: shape.angle, text, color, width, dash, symbol, include, tags }] : [];
    });
    reading.run(
      async (signal) => (await post(image, "region-file", { system: system.value }, JSON.stringify(shapes), signal)).blob(),
      (blob) => {
        download(blob, fileName(image.title || image.id, ".reg"));
        note.textContent = `${shapes.length} regions saved`;
      },
    );
  };

  const tell = () => {
    if (!held) return;
    const all = marks.of("region");
    const image = viewer.current();
    system.value = image?.lattice || !["icrs", "fk5", "galactic", "ecliptic"].includes(system.value) ? system.value : "image";
    for (const option of system.options) option.disabled = !image?.lattice && !["image", "physical"].includes(option.value);
    clear.disabled = !all.length;
    save.disabled = !marks.list.length;
    const rows = all.slice(-MOST_ROWS).map((mark) => {
      const words = element("button", { type: "button", class: "quiet words", "aria-pressed": String(mark.id === marks.selected) }, element("b", {}, KINDS[mark.kind][0].split(":")[0]), ` ${mark.text || where(mark)}`);
      words.addEventListener("click", () => marks.select(mark.id));
      const gone = element("button", { type: "button", class: "quiet", title: "Delete", "aria-label": "Delete this region" }, "×");
      gone.addEventListener("click", () => marks.remove((one) => one === mark));
      return element("div", { class: mark.id === marks.selected ? "row tv-current" : "row" }, words, gone);
    });
    if (all.length > MOST_ROWS) rows.unshift(element("p", { class: "muted" }, `the last ${MOST_ROWS} of ${all.length.toLocaleString()}`));
    list.replaceChildren(...rows);
    form.show(viewer);
  };

  const where = (mark) => {
    const [[a, b]] = mark.points;
    return mark.image ? `${(a + 1).toFixed(1)} ${(b + 1).toFixed(1)}` : `${hourText(a, 2)} ${degreeText(b, 1)}`;
  };

  marks.watch((what) => {
    if (!held) return;
    if (what === "moving") form.move();
    else tell();
  });
  planes.watch(() => held && form.measure());

  return {
    name: "regions",
    title: "Regions: draw, measure, mark rows (Shift+A)",
    icon: "M7 4a4.500 4.500 0 1 0 .01 0zM10 9h7v7h-7z",
    key: "A",
    begin(given) {
      viewer = given;
      held = true;
      const files = element("div", { class: "line" }, open, file, save, element("label", {}, "in ", system), clear);
      dock().show("Regions", element("div", { class: "line kinds", role: "group", "aria-label": "Shape to draw" }, ...kinds), list, files, note, form.root, planes.node(viewer));
      choose(kind);
      tell();
    },
    end() {
      held = false;
      reading.drop();
      form.drop();
      hand.drop();
      dock().hide();
    },
    shown: () => held && tell(),
    pointer: (...given) => hand.pointer(...given),
    draw(cell, group) {
      const seen = marks.on(cell.image, "region");
      const draft = hand.draft(cell.image);
      if (draft) {
        const points = hand.corners.last ? [...draft.points, hand.corners.last] : draft.points;
        if (points.length > 1) seen.push([{ color: "green", width: 1, dash: true, include: true, id: -1 }, { ...draft, points }]);
      }
      drawMarks(group, cell, seen, marks.selected, held);
    },
    read,
  };
}

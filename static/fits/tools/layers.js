// The layers tool: what lies over the images, each shown or not, in its colour, and taken away.
import { element } from "../../parts/kit.js";
import { Catalogue } from "./catalogue.js";
import { Grid, SYSTEMS } from "./grid.js";

const GROUPS = { region: "Regions", ruler: "Rulers", profile: "Line", point: "Points" };

export function layersTool(marks, dock) {
  const grid = new Grid();
  const catalogue = new Catalogue();
  const furniture = { compass: true, scale: true };
  let colour = "#ffffff"; // of compass and scale
  let viewer = null;
  let held = false;
  const list = element("div", { class: "rows" });

  const box = (text, checked, change, ...more) => {
    const node = element("input", { type: "checkbox", checked });
    node.addEventListener("change", () => change(node.checked));
    return element("div", { class: "row" }, element("label", {}, node, ` ${text}`), ...more);
  };

  const paint = (value, name, change) => {
    const node = element("input", { type: "color", value, "aria-label": `Colour of ${name}`, title: `Colour of ${name}` });
    node.addEventListener("input", () => change(node.value));
    return node;
  };

  const tell = () => {
    if (!held) return;
    const systems = element("select", { "aria-label": "Coordinate grid" }, ...Object.entries(SYSTEMS).map(([name, text]) => element("option", { value: name }, text)));
    systems.value = grid.system;
    systems.addEventListener("change", () => {
      grid.system = systems.value;
      viewer.redraw();
    });
    const groups = Object.entries(GROUPS).flatMap(([group, text]) => {
      const count = marks.of(group).length;
      if (!count) return [];
      const gone = element("button", { type: "button", class: "quiet", title: `Delete ${text.toLowerCase()}`, "aria-label": `Delete ${text.toLowerCase()}` }, "×");
      gone.addEventListener("click", () => marks.remove((one) => one.group === group));
      return [box(`${text} (${count})`, !marks.hidden.has(group), (on) => marks.hide(group, !on), gone)];
    });
    const furnish = (name, text) =>
      box(text, furniture[name], (on) => {
        furniture[name] = on;
        viewer.redraw();
      });
    list.replaceChildren(
      furnish("compass", "Compass"),
      furnish("scale", "Scale bar"),
      element("div", { class: "row" }, element("label", {}, "Compass and scale "), paint(colour, "compass and scale", (value) => {
        colour = value;
        viewer.redraw();
      })),
      element("div", { class: "row" }, element("label", {}, "Grid ", systems), paint(grid.colour, "the grid", (value) => {
        grid.colour = value;
        viewer.redraw();
      })),
      box("Rows of the result", catalogue.shown, (on) => {
        catalogue.shown = on;
        viewer.redraw();
      }),
      ...groups,
      element("p", { class: "muted" }, "Mask planes are under the viewer's settings."),
    );
  };
  marks.watch((what) => what === "list" && tell());

  return {
    catalogue, // for tests and the console
    name: "layers",
    title: "Layers: grid, compass, rows, marks (Shift+G)",
    icon: "M10 3l8 4-8 4-8-4zM2 11l8 4 8-4M2 14.500l8 4 8-4",
    key: "G",
    begin(given) {
      viewer = given;
      held = true;
      dock().show("Layers", list);
      tell();
    },
    end() {
      held = false;
      dock().hide();
    },
    rowAt: (cell, px, py) => catalogue.rowAt(cell, px, py),
    draw(cell, group, given) {
      for (const name of ["compass", "scale"]) {
        const part = cell.layer(name);
        part.style.visibility = furniture[name] ? "" : "hidden";
        part.style.setProperty("--furniture", colour);
      }
      grid.draw(cell, inner(group, "grid"), given);
      catalogue.draw(cell, inner(group, "catalogue"), given);
    },
  };
}

// A group of its own within a layer.
function inner(group, name) {
  let found = [...group.children].find((node) => node.dataset.part === name);
  if (!found) {
    found = document.createElementNS("http://www.w3.org/2000/svg", "g");
    found.dataset.part = name;
    group.append(found);
  }
  return found;
}

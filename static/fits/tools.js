// The tools of the FITS viewer, in the order of their buttons. See overlay.js for what a tool is.
import { Dock } from "./tools/dock.js";
import { headerTool } from "./tools/header.js";
import { histogramTool } from "./tools/levels.js";
import { layersTool } from "./tools/layers.js";
import { Marks } from "./tools/marks.js";
import { leftOut } from "./tools/planes.js";
import { pointsTool } from "./tools/points.js";
import { regionsTool } from "./tools/regions.js";
import { rulerTool } from "./tools/ruler.js";
import { saveTool } from "./tools/save.js";
import { sliceTool } from "./tools/slice.js";

// One set for each viewer: they share its marks and the sheet they show what they find on.
export function makeTools(viewer) {
  const marks = new Marks();
  const planes = leftOut();
  let sheet = null;
  const dock = () => (sheet ??= new Dock(viewer));
  marks.watch(() => viewer.redraw());
  const tools = [
    layersTool(marks, dock),
    rulerTool(marks, dock),
    sliceTool(marks, dock, planes),
    pointsTool(marks, dock),
    regionsTool(marks, dock, planes),
    histogramTool(dock),
    headerTool(dock),
    saveTool(dock),
  ];
  return Object.assign(tools, { marks }); // the marks for tests and the console
}

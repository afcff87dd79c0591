// The save tool: the view as PNG with all that lies over it, the image or the part that is seen as FITS, the marks.
import { element } from "../../parts/kit.js";
import { download, fileName } from "./dock.js";

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "fill-opacity", "opacity", "visibility",
  "font-size", "font-family", "font-weight", "text-anchor", "paint-order", "dominant-baseline"]; // prettier-ignore

export function saveTool(dock) {
  let viewer = null;
  const button = (text, about, run) => {
    const node = element("button", { type: "button" }, text);
    node.addEventListener("click", async () => {
      dock().fail("");
      node.disabled = true;
      try {
        await run();
      } catch (error) {
        dock().fail(error.message);
      } finally {
        node.disabled = false;
      }
    });
    return element("div", { class: "row" }, node, element("span", { class: "muted" }, about));
  };

  const fetched = async (what, more, name) => {
    const answer = await fetch(viewer.current().ask(what, more), { signal: viewer.signal });
    if (!answer.ok) {
      const told = await answer.json().catch(() => ({}));
      throw new Error([told.message ?? `status ${answer.status}`, told.hint].filter(Boolean).join(" "));
    }
    download(await answer.blob(), name);
  };

  const cutout = () => {
    const image = viewer.current();
    const cell = viewer.cells().find((one) => one.image === image) ?? viewer.cells()[0];
    const corners = [[0, 0], [cell.width, 0], [0, cell.height], [cell.width, cell.height]].map(([px, py]) => cell.pixelAt(px, py));
    const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
    const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1].map(Math.round);
    return fetched("cutout", { box: box.join(",") }, fileName(image.title || image.id, "_part.fits"));
  };

  const picture = async () => download(await pictureOf(viewer), fileName(viewer.current().title || "images", ".png"));

  return {
    name: "save",
    title: "Save: picture, FITS (Shift+S)",
    icon: "M4 3h10l3 3v11H4zM7 3v5h6V3M7 17v-5h7v5",
    key: "S",
    begin(given) {
      viewer = given;
      const image = viewer.current();
      if (!image?.ready) {
        dock().show("Save", element("p", { class: "muted" }, "There is no image yet."));
        return;
      }
      dock().show(
        "Save",
        button("Picture (PNG)", "the view as it is, with marks and grid", picture),
        button("Part seen (FITS)", `image${image.meta.planes.slice(1).map((name) => `, ${name}`).join("")}`, cutout),
        button("Whole image (FITS)", `${image.nx} × ${image.ny} pixels, all planes`, () => fetched("cutout", {}, fileName(image.title || image.id, ".fits"))),
        element("p", { class: "muted" }, "Regions are saved from their own tool."),
      );
    },
    end() {
      dock().hide();
    },
    draw() {},
  };
}

// The canvas with what lies over it, as PNG. The drawing buffer is read in the frame in which it was painted.
export async function pictureOf(viewer) {
  const canvas = viewer.host.querySelector("canvas");
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [canvas.width, canvas.height];
  const context = sheet.getContext("2d");
  viewer.paint();
  context.drawImage(canvas, 0, 0);
  const ratio = canvas.width / viewer.host.clientWidth;
  for (const cell of viewer.cells()) {
    const marks = await raster(cell, ratio);
    context.drawImage(marks, cell.left * ratio, cell.top * ratio);
    caption(context, cell, ratio);
  }
  return new Promise((done, failed) => {
    sheet.toBlob((blob) => (blob ? done(blob) : failed(new Error("The picture could not be made."))), "image/png");
  });
}

// The marks of a cell as a picture: styles are written into the nodes, since a picture has no style sheet.
async function raster(cell, ratio) {
  const copy = cell.svg.cloneNode(true);
  const [from, to] = [[cell.svg, ...cell.svg.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
  from.forEach((node, k) => {
    const style = getComputedStyle(node);
    for (const name of DRAWN) to[k].setAttribute(name, style.getPropertyValue(name));
    to[k].removeAttribute("style");
    to[k].removeAttribute("class");
  });
  copy.setAttribute("xmlns", SVG);
  copy.setAttribute("width", cell.width * ratio);
  copy.setAttribute("height", cell.height * ratio);
  copy.setAttribute("viewBox", `0 0 ${cell.width} ${cell.height}`);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  return image;
}

function caption(context, cell, ratio) {
  const text = cell.caption.textContent;
  if (!text) return;
  context.font = `${12 * ratio}px system-ui, sans-serif`;
  context.textBaseline = "top";
  const [x, y] = [(cell.left + 8) * ratio, (cell.top + 8) * ratio];
  context.fillStyle = "rgb(0 0 0 / .6)";
  context.fillRect(x - 4 * ratio, y - 3 * ratio, context.measureText(text).width + 8 * ratio, 19 * ratio);
  context.fillStyle = "#fff";
  context.fillText(text, x, y);
}

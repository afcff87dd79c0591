// A picture of the view as it stands: survey, marks, outlines, furniture, with a line of words above. For saving.
const HEAD = 30; // CSS pixels for the words
const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "opacity", "font-size",
  "font-family", "font-weight", "text-anchor", "dominant-baseline", "visibility", "paint-order", "stroke-linejoin"];

function load(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("the picture could not be put together"));
    image.src = url;
  });
}

// The SVG with the style that sheets give it written into its elements.
function withStyle(svg, width, height) {
  const copy = svg.cloneNode(true);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const [from, to] = [svg.querySelectorAll("*"), copy.querySelectorAll("*")];
  from.forEach((node, i) => {
    const style = getComputedStyle(node);
    to[i].setAttribute("style", KEPT.map((name) => `${name}:${style.getPropertyValue(name)}`).join(";"));
  });
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
}

// A PNG blob. `draw()` draws the layers anew: their canvases keep nothing between frames.
export async function pictureOf({ stage, marks, words, draw }) {
  const { width, height } = stage.view;
  const ratio = window.devicePixelRatio || 1;
  const sky = await load(await stage.aladin.getViewDataURL({ format: "image/png", logo: false }));
  const svg = await load(withStyle(marks.svg, width, height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round((height + HEAD) * ratio)];
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, HEAD);
  pen.fillStyle = "#111";
  pen.font = "13px system-ui, sans-serif";
  pen.textBaseline = "middle";
  pen.fillText(words, 8, HEAD / 2, width - 16);
  pen.drawImage(sky, 0, HEAD, width, height);
  draw();
  for (const layer of stage.kept.values()) pen.drawImage(layer.canvas, 0, HEAD, width, height);
  pen.drawImage(svg, 0, HEAD, width, height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture could not be made"))), "image/png");
  });
}

export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// CSS colours as numbers for what is painted by canvas or WebGL.

// [r, g, b] in 0..1 of a CSS colour as `node` sees it; variables are resolved.
export function cssColour(node, text) {
  const probe = document.createElement("i");
  probe.style.color = text;
  node.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  const numbers = (found.match(/[\d.]+(e-?\d+)?/g) ?? [0, 0, 0]).slice(0, 3).map(Number);
  return found.startsWith("rgb") ? numbers.map((x) => x / 255) : numbers;
}

// The same colour, mixed with white as far as it needs to be seen on a dark sky.
export function legible(rgb, least = 0.55) {
  const light = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
  const white = light < least ? (least - light) / (1 - light) : 0;
  return rgb.map((x) => x + (1 - x) * white);
}

// Furniture the sky view and the cutout viewer share: icon buttons, the compass, messages, a voice for screen readers.
import { element } from "./kit.js";

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  rectangle: "M3 5h14v10H3z",
  circle: "M10 3a7 7 0 1 0 .01 0z",
  polygon: "M4 7l8-4 5 7-4 7-9-2z",
  lasso: "M6 13C1 11 2 4 10 4s10 7 4 9-10-1-9 2 3 2 2 4",
  in: "M10 4v12M4 10h12",
  out: "M4 10h12",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4M10 9a1 1 0 1 0 .01 0z",
  invert: "M10 3a7 7 0 1 0 .01 0zM10 3v14M12 5v10M14 6v8",
  mask: "M3 3h14v14H3zM3 11L11 3M3 17L17 3M9 17l8-8",
};

export function svgElement(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// `icon` is one of ICONS, or a path of its own for a 20 x 20 picture.
export function iconButton(icon, label, more = {}) {
  const picture = svgElement("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" });
  picture.append(svgElement("path", { d: ICONS[icon] ?? icon }));
  return element("button", { type: "button", title: label, "aria-label": label, ...more }, picture);
}

export function choice(label, names) {
  const options = names.map(([value, text]) => element("option", { value }, text));
  return element("select", { "aria-label": label, title: label }, ...options);
}

// Two arms from (x, y): N and E along the given screen directions.
export function drawCompass(group, x, y, north, east) {
  group.setAttribute("transform", `translate(${x} ${y})`);
  const arms = [
    ["N", north],
    ["E", east],
  ];
  group.replaceChildren(
    ...arms.flatMap(([name, [dx, dy]]) => [
      svgElement("path", { d: `M0 0L${18 * dx} ${18 * dy}` }),
      svgElement("text", { x: 26 * dx, y: 26 * dy }, name),
    ]),
  );
}

// Boxes for what must be read: `say` a problem or what is missing, `note` what to keep in mind, `tell` unseen.
export function voices(root) {
  const notice = element("div", { class: "notice", role: "status", hidden: true });
  const message = element("div", { class: "message", role: "status", hidden: true });
  const live = element("div", { class: "live", "aria-live": "polite" });
  root.append(notice, message, live);
  return {
    say(text, wrong = false) {
      message.textContent = text;
      message.hidden = !text;
      message.classList.toggle("tv-error", Boolean(text) && wrong);
    },
    note(text) {
      notice.textContent = text;
      notice.hidden = !text;
    },
    tell(text) {
      live.textContent = text;
    },
  };
}

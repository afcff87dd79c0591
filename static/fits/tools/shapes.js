// Shapes on images: between the sky and pixels, their outlines, the handles they are edited by. Draws nothing.
//
// A shape is {kind, points, sizes, angle} in pixels of one image, as portal/image/shapes.py has it: radii, half axes of
// ellipses and full sides of boxes; the angle in degrees from x to y. A mark is a shape that stays: on the sky where
// its image has sky coordinates ({image: null, points: [[ra, dec]], sizes in arcsec, angle: position angle of the first
// size}), else on the pixels of its image ({image: id, ...}).

const RAD = Math.PI / 180;
const ROUND = 64; // corners of a circle on the screen, at most

export const CLOSED = ["circle", "annulus", "ellipse", "box", "polygon"];
const TURNED = ["ellipse", "box"];

// Pixels along one arcsec in the direction of a position angle (degrees, north over east).
function along({ north, east }, angle) {
  const [s, c] = [Math.sin(angle * RAD), Math.cos(angle * RAD)];
  return [s * east[0] + c * north[0], s * east[1] + c * north[1]];
}

const area = ({ north, east }) => Math.sqrt(Math.abs(north[0] * east[1] - north[1] * east[0]));

// The shape of a mark on an image; null when it is not there.
export function shapeOn(mark, image) {
  if (mark.image) return mark.image === image.id ? mark : null;
  if (!image.lattice) return null;
  const points = mark.points.map(([ra, dec]) => image.lattice.pixel(ra, dec));
  if (points.includes(null)) return null;
  const shape = { kind: mark.kind, points, sizes: [], angle: 0 };
  if (!mark.sizes.length) return shape;
  const arms = image.lattice.compass(...points[0]);
  if (!TURNED.includes(mark.kind)) return { ...shape, sizes: mark.sizes.map((size) => size * area(arms)) };
  const [first, second] = [along(arms, mark.angle), along(arms, mark.angle + 90)];
  shape.sizes = mark.sizes.map((size, k) => size * Math.hypot(...(k % 2 ? second : first)));
  shape.angle = (Math.atan2(first[1], first[0]) / RAD + 360) % 360;
  return shape;
}

// Where a shape of an image is kept: {image, points, sizes, angle} of a mark.
export function keepOn(shape, image) {
  const { kind, points, sizes = [], angle = 0 } = shape;
  if (!image.lattice) return { image: image.id, points, sizes, angle };
  const places = points.map(([x, y]) => image.lattice.sky(x, y));
  const kept = { image: null, points: places, sizes: [], angle: 0 };
  if (!sizes.length) return kept;
  const arms = image.lattice.compass(...points[0]);
  if (!TURNED.includes(kind)) return { ...kept, sizes: sizes.map((size) => size / area(arms)) };
  const { north, east } = arms;
  const whole = east[0] * north[1] - east[1] * north[0];
  // Arcsec east and north along one pixel in a direction of the image.
  const back = (turn) => {
    const [x, y] = [Math.cos(turn * RAD), Math.sin(turn * RAD)];
    return [(x * north[1] - y * north[0]) / whole, (y * east[0] - x * east[1]) / whole];
  };
  const [first, second] = [back(angle), back(angle + 90)];
  kept.sizes = sizes.map((size, k) => size * Math.hypot(...(k % 2 ? second : first)));
  kept.angle = (Math.atan2(first[0], first[1]) / RAD + 360) % 360;
  return kept;
}

// Lines of a shape in pixels: [{points, closed}].
export function outline({ kind, points, sizes, angle }, corners = ROUND) {
  if (kind === "polygon") return [{ points, closed: true }];
  if (kind === "line") return [{ points, closed: false }];
  if (!CLOSED.includes(kind)) return [];
  const [[x, y]] = points;
  const [c, s] = [Math.cos(angle * RAD), Math.sin(angle * RAD)];
  const at = (u, v) => [x + u * c - v * s, y + u * s + v * c];
  const pairs = TURNED.includes(kind)
    ? Array.from({ length: sizes.length / 2 }, (_, k) => [sizes[2 * k], sizes[2 * k + 1]])
    : sizes.map((size) => [size, size]);
  return pairs.map(([a, b]) => {
    if (kind === "box") return { points: [at(a / 2, b / 2), at(-a / 2, b / 2), at(-a / 2, -b / 2), at(a / 2, -b / 2)], closed: true };
    const step = (2 * Math.PI) / corners;
    return { points: Array.from({ length: corners }, (_, k) => at(a * Math.cos(k * step), b * Math.sin(k * step))), closed: true };
  });
}

// The places a shape is edited by: {x, y, name, move(x, y) -> shape}; `far` is how far out the turning handle lies.
export function handles(shape, far = 0) {
  const { kind, points, sizes, angle } = shape;
  if (kind === "polygon" || kind === "line") {
    return points.map(([x, y], k) => ({ x, y, name: "corner", move: (...to) => ({ ...shape, points: points.with(k, to) }) }));
  }
  if (!sizes?.length) return [];
  const [[x, y]] = points;
  const away = (to) => Math.max(0.5, Math.hypot(to[0] - x, to[1] - y));
  if (!TURNED.includes(kind)) {
    return sizes.map((size, k) => ({
      x: x + size,
      y,
      name: "radius",
      move: (...to) => {
        const [low, high] = [sizes[k - 1] ?? 0, sizes[k + 1] ?? Infinity];
        return { ...shape, sizes: sizes.with(k, Math.max(low + 0.1, Math.min(high - 0.1, away(to)))) };
      },
    }));
  }
  const half = kind === "box" ? 0.5 : 1;
  const [a, b] = sizes.slice(-2);
  const [c, s] = [Math.cos(angle * RAD), Math.sin(angle * RAD)];
  // Inner rings grow with the outer one.
  const grown = (k, to) => {
    const way = k ? [-s, c] : [c, s];
    const size = Math.max(0.5, Math.abs((to[0] - x) * way[0] + (to[1] - y) * way[1])) / half;
    const share = size / (k ? b : a);
    return { ...shape, sizes: sizes.map((old, i) => (i % 2 === k ? old * share : old)) };
  };
  return [
    { x: x + a * half * c, y: y + a * half * s, name: "size", move: (...to) => grown(0, to) },
    { x: x - b * half * s, y: y + b * half * c, name: "size", move: (...to) => grown(1, to) },
    {
      x: x + (a * half + far) * c,
      y: y + (a * half + far) * s,
      name: "turn",
      move: (...to) => ({ ...shape, angle: (Math.atan2(to[1] - y, to[0] - x) / RAD + 360) % 360 }),
    },
  ];
}

export const moved = (shape, dx, dy) => ({ ...shape, points: shape.points.map(([x, y]) => [x + dx, y + dy]) });

// A shape drawn from one place to another: from the middle outwards.
export function drawn(kind, [x0, y0], [x1, y1]) {
  const far = Math.hypot(x1 - x0, y1 - y0);
  const base = { kind, points: [[x0, y0]], sizes: [], angle: 0 };
  if (kind === "line") return { ...base, points: [[x0, y0], [x1, y1]] }; // prettier-ignore
  if (kind === "circle") return { ...base, sizes: [far] };
  if (kind === "annulus") return { ...base, sizes: [far / 2, far] };
  const [a, b] = [Math.max(0.5, Math.abs(x1 - x0)), Math.max(0.5, Math.abs(y1 - y0))];
  if (kind === "ellipse") return { ...base, sizes: [a, b] };
  if (kind === "box") return { ...base, sizes: [2 * a, 2 * b] };
  return base;
}

// How far a place of the screen lies from a shape's lines, and whether it is inside; CSS pixels of a cell.
export function nearness(cell, shape, px, py) {
  if (shape.kind === "point" || shape.kind === "text") {
    const [x, y] = cell.screen(...shape.points[0]);
    return { far: Math.hypot(x - px, y - py) - 6, inside: false, size: 0 };
  }
  let [far, inside, size] = [Infinity, false, 0];
  for (const { points, closed } of outline(shape, 32)) {
    const seen = points.map(([x, y]) => cell.screen(x, y));
    const ends = closed ? [...seen, seen[0]] : seen;
    let within = false;
    for (let k = 1; k < ends.length; k++) {
      const [[ax, ay], [bx, by]] = [ends[k - 1], ends[k]];
      const share = ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2 || 1);
      const at = Math.max(0, Math.min(1, share));
      far = Math.min(far, Math.hypot(ax + at * (bx - ax) - px, ay + at * (by - ay) - py));
      if (ay > py !== by > py && px < ((bx - ax) * (py - ay)) / (by - ay) + ax) within = !within;
      size = Math.max(size, Math.hypot(ax - ends[0][0], ay - ends[0][1]));
    }
    inside ||= closed && within;
  }
  return { far, inside, size };
}

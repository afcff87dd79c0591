#version 300 es
// A mark: an open shape when it is large enough to be one, else a dot.
precision highp float;
in float diameter;
flat in vec3 tint;
flat in int form;
flat in float mark;
uniform float line, opacity;  // device pixels, 0..1
out vec4 pixel;

// How far outside of the shape of radius r a place is, in pixels; SHAPES of points.js.
float beyond(vec2 q, float r) {
  vec2 a = abs(q);
  if (form == 1) return max(a.x, a.y) - 0.85 * r;
  if (form == 2) return (a.x + a.y - r) * 0.7071;
  if (form == 3) return max(a.x * 0.866 - q.y * 0.5, q.y) - 0.55 * r;
  return length(q) - r;
}

void main() {
  vec2 q = (gl_PointCoord - 0.5) * diameter;
  float outer = diameter / 2.0 - 0.5;
  float width = line * (1.0 + mark * 0.6);
  float cover;
  if (form == 4 || form == 5) {
    vec2 a = abs(form == 4 ? q : vec2(q.x + q.y, q.x - q.y) * 0.7071);
    float arm = max(0.5, width * 0.6);
    cover = clamp(0.5 - min(max(a.x - outer, a.y - arm), max(a.y - outer, a.x - arm)), 0.0, 1.0);
  } else {
    float away = beyond(q, outer);
    cover = clamp(0.5 - away, 0.0, 1.0);
    if (diameter > 6.0 && form < 6) cover *= clamp(away + width + 0.5, 0.0, 1.0);
  }
  float alpha = cover * (mark > 0.5 ? 1.0 : opacity);
  pixel = vec4(tint * alpha, alpha);
}

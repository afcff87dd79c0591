#version 300 es
// A mark: an open circle when it is large enough to be one, else a dot.
precision highp float;
in float selected;
uniform vec3 colour, chosenColour;
uniform float size, line, opacity;  // device pixels, device pixels, 0..1
out vec4 pixel;

void main() {
  float diameter = size + selected * 2.0;
  float radius = length(gl_PointCoord - 0.5) * diameter;
  float outer = diameter / 2.0 - 0.5;
  float cover = clamp(outer - radius + 0.5, 0.0, 1.0);
  if (diameter > 6.0) {
    float width = line * (1.0 + selected * 0.6);
    cover *= clamp(radius - (outer - width) + 0.5, 0.0, 1.0);
  }
  float alpha = cover * (selected > 0.5 ? 1.0 : opacity);
  pixel = vec4((selected > 0.5 ? chosenColour : colour) * alpha, alpha);
}

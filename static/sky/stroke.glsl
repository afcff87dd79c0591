#version 300 es
// The stroke of an outline.
precision highp float;
in vec3 colour;
in float seen, back, side;
uniform float opacity;  // 0..1
out vec4 pixel;

void main() {
  if (seen < 0.999 || abs(side) < back - 0.001) discard;
  pixel = vec4(colour * opacity, opacity);
}

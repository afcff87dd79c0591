#version 300 es
// The stroke of an outline, its rim smoothed over a pixel.
precision highp float;
in float across;
flat in vec3 colour;
uniform float width, opacity;  // device pixels, 0..1
out vec4 pixel;

void main() {
  float alpha = clamp(width / 2.0 + 0.5 - abs(across), 0.0, 1.0) * opacity;
  pixel = vec4(colour * alpha, alpha);
}

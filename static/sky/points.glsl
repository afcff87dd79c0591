#version 300 es
// One row to clip space, with the colour, size and shape of its values.
precision highp float;
layout(location = 0) in vec3 hi;
layout(location = 1) in vec3 lo;
layout(location = 2) in float chosen;
layout(location = 3) in float value;
layout(location = 4) in float part;  // 0..1 of the span of sizes
uniform float size, spread;          // diameter in device pixels: the least, and how much the largest has more
uniform int valued;                  // 0 one colour, 1 numbers, 2 classes
uniform float low, span;
uniform int shape;                   // of all; -1 for one by class
uniform vec3 colour, chosenColour;
uniform sampler2D map;
out float diameter;
flat out vec3 tint;
flat out int form;
flat out float mark;
// project.glsl

void main() {
  vec2 clip;
  bool seen = dot(hi, hi) > 0.5 && project(hi, lo, clip);
  bool known = value > -1.0e38;
  tint = colour;
  if (valued == 1) tint = known ? texture(map, vec2(clamp((value - low) / span, 0.002, 0.998), 0.5)).rgb : vec3(0.55);
  if (valued == 2) tint = known ? texelFetch(map, ivec2(int(value + 0.5), 0), 0).rgb : vec3(0.55);
  form = shape >= 0 ? shape : known ? int(value + 0.5) % 6 : 7;
  mark = chosen;
  if (chosen > 0.5) tint = chosenColour;
  diameter = size + spread * part + chosen * 2.0;
  gl_Position = seen ? vec4(clip, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = diameter;
}

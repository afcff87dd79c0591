#version 300 es
// One edge of an outline as a thin rectangle: from its point to the next, wide enough for a smooth stroke.
precision highp float;
layout(location = 0) in vec3 hi;
layout(location = 1) in vec3 lo;
layout(location = 2) in vec3 nextHi;
layout(location = 3) in vec3 nextLo;
layout(location = 4) in float paint;   // number of a colour, 255 where one outline ends and the next begins
layout(location = 5) in float chosen;
uniform vec2 viewport;                 // device pixels
uniform float wanted, width;           // which of them to draw: the chosen ones or the others; device pixels
uniform vec3 colours[8];
uniform vec3 chosenColour;
out float across;                      // device pixels from the middle of the stroke
flat out vec3 colour;
// project.glsl

void main() {
  vec2 from, to;
  bool seen = paint < 254.5 && abs(chosen - wanted) < 0.5 && project(hi, lo, from) && project(nextHi, nextLo, to);
  // No edge is longer than a degree: one that is as wide as a radian runs around the back of a whole-sky view.
  seen = seen && abs(to.x - from.x) < reach.x;
  vec2 a = from * viewport / 2.0;
  vec2 b = to * viewport / 2.0;
  vec2 along = length(b - a) > 1e-4 ? normalize(b - a) : vec2(1.0, 0.0);
  float side = float(gl_VertexID & 1) * 2.0 - 1.0;
  float beyond = float(gl_VertexID >> 1) * 2.0 - 1.0;
  across = side * (width / 2.0 + 1.0);
  vec2 at = (gl_VertexID >> 1 == 0 ? a : b) + vec2(-along.y, along.x) * across + along * beyond * width / 4.0;
  colour = wanted > 0.5 ? chosenColour : colours[int(paint + 0.5)];
  gl_Position = seen ? vec4(at / viewport * 2.0, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
}

#version 300 es
// A corner of the mesh over one tile of row counts.
precision highp float;
layout(location = 0) in vec3 hi;
layout(location = 1) in vec3 lo;
layout(location = 2) in vec2 place;  // 0..1 across the tile: columns, rows from the lowest
out vec2 at, here;
flat out vec2 first;
// project.glsl

void main() {
  vec2 clip;
  bool seen = project(hi, lo, clip);
  at = place;
  here = clip;
  first = clip;
  gl_Position = seen ? vec4(clip, 0.0, 1.0) : vec4(2.0e4, 2.0e4, 2.0, 1.0);
}

#version 300 es
// One catalogue position to clip space.
precision highp float;
layout(location = 0) in vec3 hi;
layout(location = 1) in vec3 lo;
layout(location = 2) in float chosen;
uniform float size;  // diameter in device pixels
out float selected;
// project.glsl

void main() {
  vec2 clip;
  bool seen = dot(hi, hi) > 0.5 && project(hi, lo, clip);
  selected = chosen;
  gl_Position = seen ? vec4(clip, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = size + chosen * 2.0;
}

#version 300 es
// One catalogue position to clip space. hi + lo carry the unit vector to 48 bits; what is near the centre of the
// view is subtracted before anything is rounded, so marks sit within 0.01 pixel down to views of a milliarcsecond.
precision highp float;
layout(location = 0) in vec3 hi;
layout(location = 1) in vec3 lo;
layout(location = 2) in float chosen;
uniform vec3 centreHi, centreLo, right, up;
uniform vec2 reach;  // clip units a radian, across and up
uniform int kind;    // 0 TAN, 1 SIN, 2 AIT
uniform float size;  // diameter in device pixels
out float selected;

void main() {
  vec3 d = (hi - centreHi) + (lo - centreLo);
  float across = dot(d, right);
  float above = dot(d, up);
  float depth = 1.0 - dot(d, d) / 2.0;
  bool seen = depth > 0.01;
  if (kind == 2) {
    float halfAngle = atan(across, depth) / 2.0;
    float flatness = length(vec2(across, depth));
    float root = sqrt(2.0 / (1.0 + flatness * cos(halfAngle)));
    across = 2.0 * flatness * sin(halfAngle) * root;
    above *= root;
    seen = dot(hi, hi) > 0.5;
  } else if (kind == 0) {
    across /= depth;
    above /= depth;
  }
  selected = chosen;
  gl_Position = seen ? vec4(across * reach.x, above * reach.y, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = size + chosen * 2.0;
}

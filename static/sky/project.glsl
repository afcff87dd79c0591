// One direction to clip space, as project() of projection.js does it in doubles. hi + lo carry the unit vector to
// 48 bits; what is near the centre of the view is subtracted before anything is rounded, so marks sit within
// 0.01 pixel down to views of a milliarcsecond.
uniform vec3 centreHi, centreLo, right, up;
uniform vec2 reach;  // clip units a radian, across and up
uniform int kind;    // KINDS of projection.js

const float PI = 3.14159265359;

// Longitude of what lies ahead or behind. Some drivers take -0 ahead for the far side of the sky.
float turn(float across, float depth) {
  return abs(across) < 1e-12 && depth > 0.0 ? 0.0 : atan(across, depth);
}

// Mollweide's auxiliary angle: 2 t + sin 2 t = PI sine.
float mollweide(float sine) {
  float t = abs(sine) > 0.99 ? sign(sine) * (PI / 2.0 - pow(3.0 * PI / 4.0 * max(0.0, 1.0 - abs(sine)), 1.0 / 3.0))
                             : PI / 4.0 * sine;
  for (int i = 0; i < 8; i++) {
    float slope = 2.0 + 2.0 * cos(2.0 * t);
    if (slope < 1e-5) break;
    t -= (2.0 * t + sin(2.0 * t) - PI * sine) / slope;
  }
  return t;
}

// False when the direction lies behind the view.
bool project(vec3 hi, vec3 lo, out vec2 clip) {
  vec3 d = (hi - centreHi) + (lo - centreLo);
  float across = dot(d, right);
  float above = dot(d, up);
  float depth = 1.0 - dot(d, d) / 2.0;
  if (kind == 0 || kind == 1) {
    if (depth <= 0.01) return false;
    if (kind == 0) {
      across /= depth;
      above /= depth;
    }
  } else if (kind == 2) {
    float halfAngle = turn(across, depth) / 2.0;
    float flatness = length(vec2(across, depth));
    float root = sqrt(2.0 / (1.0 + flatness * cos(halfAngle)));
    across = 2.0 * flatness * sin(halfAngle) * root;
    above *= root;
  } else if (kind == 3 || kind == 4) {
    if (depth < -0.999) return false;
    float grow = kind == 3 ? 2.0 / (1.0 + depth) : sqrt(2.0 / (1.0 + depth));
    across *= grow;
    above *= grow;
  } else if (kind == 5) {
    if (abs(above) > 0.99999) return false;
    across = turn(across, depth);
    float square = above * above;
    above = abs(above) < 0.1 ? above * (1.0 + square / 3.0 + square * square / 5.0 + square * square * square / 7.0)
                             : 0.5 * log((1.0 + above) / (1.0 - above));
  } else {
    float t = mollweide(above);
    across = 2.0 * sqrt(2.0) / PI * turn(across, depth) * cos(t);
    above = sqrt(2.0) * sin(t);
  }
  clip = vec2(across * reach.x, above * reach.y);
  return true;
}

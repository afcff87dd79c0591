#version 300 es
// One corner of an outline. Plain lines from corner to corner: rectangles made of them cost three times as much where
// the processor draws.
precision highp float;
layout(location = 0) in vec3 hi;
layout(location = 1) in vec3 lo;
layout(location = 2) in float paint;  // number of a colour
layout(location = 3) in float chosen;
uniform float wanted;                 // which of them to draw: the chosen ones or the others
uniform vec2 shift;                   // clip units: strokes beside each other make a wider one
uniform vec3 colours[8];
uniform vec3 chosenColour;
out vec3 colour;
out float seen;    // 1 at both ends of a line that is drawn
// At the back of a whole-sky view: 1 and -1 on its two sides. A line whose |side| falls below `back` runs around it.
out float back, side;
// project.glsl

void main() {
  vec2 clip;
  bool before = abs(chosen - wanted) < 0.5 && project(hi, lo, clip);
  seen = before ? 1.0 : 0.0;
  bool wraps = kind == 2 || kind > 4;
  back = wraps && dot(hi, centreHi) < 0.0 ? 1.0 : 0.0;
  side = back * sign(clip.x);
  colour = wanted > 0.5 ? chosenColour : colours[int(paint + 0.5)];
  gl_Position = before ? vec4(clip + shift, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
}

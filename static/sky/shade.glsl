#version 300 es
// The colour of a bin: by the number of its rows, or by the value of a column with that number as its strength.
precision highp float;
precision highp sampler2D;
in vec2 at, here;
flat in vec2 first;
uniform sampler2D bins;  // rows, marked rows, value
uniform sampler2D map;
uniform vec2 cell;       // clip units that one cell of the mesh spans at most: what is farther lies across the sky's edge
uniform float most;      // rows of the fullest bin
uniform int valued;      // 0 counts, 1 numbers, 2 classes
uniform float low, span;
uniform vec3 chosenColour;
out vec4 pixel;

void main() {
  if (any(greaterThan(abs(here - first), cell))) discard;
  vec4 bin = texelFetch(bins, ivec2(clamp(at, 0.0, 0.99999) * 256.0), 0);
  if (bin.r < 0.5) discard;
  float strength = log(1.0 + bin.r) / log(1.0 + most);
  float alpha = 0.7 + 0.3 * strength;
  vec3 colour;
  if (valued == 0) colour = texture(map, vec2(strength * 0.996 + 0.002, 0.5)).rgb;
  else if (!(bin.b > -1.0e38) || (valued == 2 && bin.b < 0.0)) colour = vec3(0.55);
  else if (valued == 2) colour = texelFetch(map, ivec2(int(bin.b + 0.5), 0), 0).rgb;
  else colour = texture(map, vec2(clamp((bin.b - low) / span, 0.002, 0.998), 0.5)).rgb;
  float chosen = bin.g > 0.0 ? 0.5 + 0.5 * bin.g / bin.r : 0.0;
  colour = mix(colour, chosenColour, chosen);
  pixel = vec4(colour, 1.0) * max(alpha, chosen);
}

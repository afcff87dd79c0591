#version 300 es
// One cell: where each of its IMAGES lies, its value there (tiles of a pool, found by a table), and how values become
// colours: stretch and colour map of one image, a difference of two, Lupton's colours of three. With MASKED, mask
// planes over them; with WARPED, images that are laid on another one's pixels by a mesh. painter.js defines the three.
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp isampler2D;
precision highp sampler2DArray;
precision highp isampler2DArray;
in vec2 uv;
out vec4 colour;

uniform sampler2DArray values;
uniform isampler2DArray masks;
uniform isampler2D table0, table1, table2;  // tile of the wanted level -> (level << 16 | layer + 1) of value and mask
uniform sampler2D mesh0, mesh1, mesh2;
uniform vec2 from[3], across[3], up[3];  // place of the cell's lower left corner, and from there to the others
uniform vec2 leadFrom, leadAcross, leadUp;  // the same of the image whose pixels the view speaks of
uniform ivec3 shape[3];    // nx, ny, level of the table
uniform vec4 planes[96];   // 32 planes of each image: colour, opacity
uniform int shown[3];      // bits of the planes to draw
uniform bool warped[3];    // whether the mesh says where it lies
uniform vec2 cuts;
uniform int stretch;       // 0 linear 1 log 2 sqrt 3 squared 4 asinh 5 power 6 histogram
uniform sampler2D ladder;  // share of pixels below a value between the cuts
uniform vec2 bend;         // bias, contrast
uniform sampler2D map;
uniform bool invert;
uniform vec3 sky, weight;  // of three colours: black level and factor of each
uniform vec2 lupton;       // stretch, Q
uniform vec3 stage, empty;

const float NONE = 3.0e38;   // no value there
const int TILE = 9;          // 2^9 pixels a side

// Where in the cell to look: images that are combined are compared at the middles of the leading one's pixels.
vec2 spot() {
#if defined(WARPED) && IMAGES > 1
  vec2 whole = floor(leadFrom + uv.x * leadAcross + uv.y * leadUp + 0.5) - leadFrom;
  return inverse(mat2(leadAcross, leadUp)) * whole;
#else
  return uv;
#endif
}

vec2 placeIn(sampler2D mesh, int image) {
  vec2 uv = spot();
#ifdef WARPED
  if (warped[image]) {
    ivec2 last = textureSize(mesh, 0) - 1;
    vec2 at = uv * vec2(last);
    ivec2 cell = clamp(ivec2(floor(at)), ivec2(0), last - 1);
    vec2 f = at - vec2(cell);
    vec2 a = texelFetch(mesh, cell, 0).xy, b = texelFetch(mesh, cell + ivec2(1, 0), 0).xy;
    vec2 c = texelFetch(mesh, cell + ivec2(0, 1), 0).xy, d = texelFetch(mesh, cell + ivec2(1), 0).xy;
    return mix(mix(a, b, f.x), mix(c, d, f.x), f.y);
  }
#endif
  return from[image] + uv.x * across[image] + uv.y * up[image];
}

float valueOf(ivec2 pixel, int entry) {
  ivec2 inside = (pixel >> (entry >> 16)) & ((1 << TILE) - 1);
  return texelFetch(values, ivec3(inside, (entry & 0xffff) - 1), 0).x;
}

#if defined(WARPED) && IMAGES > 1
// Between four pixels of full resolution, where all of them are there: two images that are laid on each other pixel
// for pixel would be half a pixel apart.
float between(isampler2D table, ivec3 form, vec2 at, float nearest) {
  vec2 low = floor(at), f = at - low;
  vec4 four;
  for (int k = 0; k < 4; k++) {
    ivec2 pixel = ivec2(low) + ivec2(k & 1, k >> 1);
    if (min(pixel.x, pixel.y) < 0 || pixel.x >= form.x || pixel.y >= form.y) return nearest;
    int entry = texelFetch(table, pixel >> TILE, 0).x;
    if (entry == 0) return nearest;
    four[k] = valueOf(pixel, entry);
    if (four[k] > NONE * 0.99) return nearest;
  }
  return mix(mix(four.x, four.y, f.x), mix(four.z, four.w, f.x), f.y);
}
#endif

// Value and mask at a place of an image. `there`: 0 outside it, 1 not yet loaded, 2 loaded.
float look(isampler2D table, sampler2D mesh, int image, out int bits, out int there) {
  ivec3 form = shape[image];
  vec2 place = placeIn(mesh, image);
  vec2 at = floor(place + 0.5);
  bits = 0;
  there = 0;
  if (!(at.x >= 0.0 && at.y >= 0.0 && at.x < float(form.x) && at.y < float(form.y))) return NONE;
  ivec2 pixel = ivec2(at);
  ivec2 entry = texelFetch(table, pixel >> (form.z + TILE), 0).xy;
#ifdef MASKED
  if (entry.y != 0) {
    ivec2 inside = (pixel >> (entry.y >> 16)) & ((1 << TILE) - 1);
    bits = texelFetch(masks, ivec3(inside, (entry.y & 0xffff) - 1), 0).x;
  }
#endif
  there = 1;
  if (entry.x == 0) return NONE;
  there = 2;
  float value = valueOf(pixel, entry.x);
#if defined(WARPED) && IMAGES > 1
  if (warped[image] && form.z == 0) return between(table, form, place, value);
#endif
  return value;
}

float bent(float value) {
  float t = clamp((value - cuts.x) / (cuts.y - cuts.x), 0.0, 1.0);
  if (stretch == 1) t = log(1000.0 * t + 1.0) / log(1001.0);
  else if (stretch == 2) t = sqrt(t);
  else if (stretch == 3) t = t * t;
  else if (stretch == 4) t = asinh(10.0 * t) / asinh(10.0);
  else if (stretch == 5) t = (pow(1000.0, t) - 1.0) / 999.0;
  else if (stretch == 6) {
    float at = t * float(textureSize(ladder, 0).x - 1);
    ivec2 low = ivec2(min(floor(at), float(textureSize(ladder, 0).x - 2)), 0);
    t = mix(texelFetch(ladder, low, 0).x, texelFetch(ladder, low + ivec2(1, 0), 0).x, at - float(low.x));
  }
  return clamp((t - bend.x) * bend.y + 0.5, 0.0, 1.0);
}

vec3 mapped(float t) {
  return texelFetch(map, ivec2(int((invert ? 1.0 - t : t) * 255.0 + 0.5), 0), 0).rgb;
}

vec3 tinted(vec3 rgb, int bits, int image) {
#ifdef MASKED
  bits &= shown[image];
  for (int bit = 0; bits != 0 && bit < 32; bit++) {
    if ((bits & (1 << bit)) == 0) continue;
    vec4 plane = planes[image * 32 + bit];
    rgb = mix(rgb, plane.rgb, plane.a);
  }
#endif
  return rgb;
}

// Lupton et al. (2004): the mean of the bands is bent, their ratios stay.
vec3 lightOf(vec3 value) {
  vec3 light = (value - sky) * weight;
  float mean = (light.x + light.y + light.z) / 3.0;
  float factor = mean > 0.0 ? asinh(mean * lupton.y / lupton.x) * (0.1 / asinh(0.1 * lupton.y)) / mean : 0.0;
  vec3 rgb = max(light * factor, 0.0);
  return rgb / max(1.0, max(rgb.x, max(rgb.y, rgb.z)));
}

void main() {
  ivec3 bits = ivec3(0), there = ivec3(2);
  vec3 value = vec3(0.0);
  value.x = look(table0, mesh0, 0, bits.x, there.x);
#if IMAGES > 1
  value.y = look(table1, mesh1, 1, bits.y, there.y);
#endif
#if IMAGES > 2
  value.z = look(table2, mesh2, 2, bits.z, there.z);
#endif
  int least = min(there.x, min(there.y, there.z));
  vec3 rgb = least == 0 ? stage : stage * 1.6;
  if (least == 2) {
    if (max(value.x, max(value.y, value.z)) > NONE * 0.99) rgb = empty;
#if IMAGES == 1
    else rgb = mapped(bent(value.x));
#elif IMAGES == 2
    else rgb = mapped(bent(value.x - value.y));
#else
    else rgb = lightOf(value);
#endif
    rgb = tinted(tinted(tinted(rgb, bits.x, 0), bits.y, 1), bits.z, 2);
  }
  colour = vec4(rgb, 1.0);
}

#version 300 es
// One triangle over the whole cell; `uv` runs from its lower left to its upper right corner.
out vec2 uv;

void main() {
  vec2 corner = vec2(gl_VertexID == 1 ? 4.0 : 0.0, gl_VertexID == 2 ? 4.0 : 0.0);
  uv = corner / 2.0;
  gl_Position = vec4(corner - 1.0, 0.0, 1.0);
}

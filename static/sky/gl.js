// Small things of WebGL2 that the layers of rows share: programs, buffers, textures.

// A program from two shaders; `at(name)` finds the place of a uniform. Throws an Error when they do not fit.
export function program(gl, vertex, fragment) {
  const made = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) {
      throw new Error(`the rows cannot be drawn: ${gl.getShaderInfoLog(shader)}`);
    }
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`the rows cannot be drawn: ${gl.getProgramInfoLog(made)}`);
  }
  const places = new Map();
  const at = (name) => {
    if (!places.has(name)) places.set(name, gl.getUniformLocation(made, name));
    return places.get(name);
  };
  return { made, at };
}

// Directions (float64 xyz, one after the other) as two buffers of float32 that together hold 48 bits of each.
export function directionBuffers(gl, xyz) {
  const hi = Float32Array.from(xyz);
  const lo = new Float32Array(hi.length);
  for (let i = 0; i < hi.length; i++) lo[i] = xyz[i] - hi[i];
  return [buffer(gl, hi), buffer(gl, lo)];
}

export function buffer(gl, values, target = gl.ARRAY_BUFFER) {
  const made = gl.createBuffer();
  gl.bindBuffer(target, made);
  gl.bufferData(target, values, gl.STATIC_DRAW);
  return made;
}

// Attributes [buffer, members, type, normalized] at the places 0, 1, ... of a vertex array; null leaves one out.
export function vertexArray(gl, attributes, elements = null) {
  const made = gl.createVertexArray();
  gl.bindVertexArray(made);
  attributes.forEach((one, place) => {
    if (!one) return;
    const [values, size, type = gl.FLOAT, normalized = false] = one;
    gl.bindBuffer(gl.ARRAY_BUFFER, values);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, type, normalized, 0, 0);
  });
  if (elements) gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, elements);
  gl.bindVertexArray(null);
  return made;
}

// A texture of texels as they are: nothing is mixed between them.
export function texture(gl, width, height, values) {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  const float = values instanceof Float32Array;
  const [inside, type] = float ? [gl.RGBA32F, gl.FLOAT] : [gl.RGBA8, gl.UNSIGNED_BYTE];
  gl.texImage2D(gl.TEXTURE_2D, 0, inside, width, height, 0, gl.RGBA, type, values);
  for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
  for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
  return made;
}

// An empty canvas as large as the view. Returns the pixels of the screen that a CSS pixel has.
export function clearFor(gl, view) {
  const { canvas } = gl;
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
  if (canvas.width !== width || canvas.height !== height) {
    [canvas.width, canvas.height] = [width, height];
    canvas.style.width = `${view.width}px`;
    canvas.style.height = `${view.height}px`;
  }
  gl.viewport(0, 0, width, height);
  gl.clearColor(0, 0, 0, 0);
  gl.clear(gl.COLOR_BUFFER_BIT);
  return ratio;
}

// RGBA at a CSS pixel of what was drawn last, 0..255: at once after drawing, for the canvas keeps nothing between frames.
export function colourOf(gl, x, y) {
  const ratio = window.devicePixelRatio || 1;
  const out = new Uint8Array(4);
  gl.readPixels(Math.floor(x * ratio), gl.canvas.height - 1 - Math.floor(y * ratio), 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, out);
  return [...out];
}

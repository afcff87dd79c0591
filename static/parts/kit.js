// Small things every widget needs: elements with text only, a style sheet in the shadow root, gestures.

// An element; strings become text nodes, never markup.
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children);
  return node;
}

// Adds a style sheet (text) to the root that holds `node`: the shadow root of a Panel component.
export function addStyle(node, text) {
  node.append(Object.assign(document.createElement("style"), { textContent: text }));
}

// Tells Python what the user's hand did. Only ever called from an event of the user.
export function gesture(model, name, fields = {}) {
  model.send_msg({ ...fields, gesture: name });
}

// Calls `run` once, `wait` ms after the last call; `.now()` runs what waits, `.cancel()` drops it.
export function debounce(run, wait) {
  let timer = null;
  let waiting = null;
  const fire = () => {
    timer = null;
    const args = waiting;
    waiting = null;
    if (args) run(...args);
  };
  const later = (...args) => {
    waiting = args;
    clearTimeout(timer);
    timer = setTimeout(fire, wait);
  };
  later.now = () => {
    clearTimeout(timer);
    fire();
  };
  later.cancel = () => {
    clearTimeout(timer);
    waiting = null;
  };
  return later;
}

// Calls `run` when the theme changes (data-theme on <html>); returns a function that stops it.
export function onTheme(run) {
  const observer = new MutationObserver(run);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class"] });
  return () => observer.disconnect();
}

// The value of a CSS variable as seen by `node`, for canvases.
export function cssValue(node, name, fallback) {
  return getComputedStyle(node).getPropertyValue(name).trim() || fallback;
}

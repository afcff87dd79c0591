// The tools of the FITS viewer, in the order of their buttons. See overlay.js for what a tool is.
export const TOOLS = [];

// One HiPS as its properties file tells it (HiPS 1.0, section 4.4). Aladin is given all of it: left to read the file
// itself, it would ask servers of its own when something is missing there.
const MOST_TEXT = 1 << 20;
const FORMATS = { png: "png", jpeg: "jpeg", jpg: "jpeg", webp: "webp", fits: "fits" };
const FRAMES = { equatorial: "ICRS", icrs: "ICRS", galactic: "GAL", gal: "GAL" };
const BITPIX = [8, 16, 32, 64, -32, -64];

const numbers = (text) => (text ?? "").trim().split(/\s+/).map(Number);

function pair(text) {
  const found = numbers(text).slice(0, 2);
  return found.length === 2 && found.every(Number.isFinite) && found[0] < found[1] ? found : null;
}

export function parseProperties(text) {
  const found = new Map();
  for (const line of text.slice(0, MOST_TEXT).split(/\r?\n/)) {
    const at = line.indexOf("=");
    if (at > 0 && !line.trimStart().startsWith("#")) found.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  return found;
}

// What the view needs of a survey. Throws an Error that says what its properties lack.
export function describeSurvey(text, url) {
  const given = parseProperties(text);
  const need = (good, words) => {
    if (!good) throw new Error(`its properties file ${words}`);
  };
  need(!/^\s*</.test(text) && given.size > 0, "is none: the address does not lead to a HiPS");
  const order = Number(given.get("hips_order") || NaN);
  need(Number.isInteger(order) && order >= 0 && order <= 29, "names no hips_order from 0 to 29");
  const frame = FRAMES[(given.get("hips_frame") ?? "").toLowerCase()];
  need(frame, "names no hips_frame that is equatorial or galactic");
  const width = Number(given.get("hips_tile_width") || 512);
  need(Number.isInteger(Math.log2(width)) && width >= 1 && width <= 4096, "names a hips_tile_width that is no power of 2");
  const names = (given.get("hips_tile_format") ?? "jpeg").toLowerCase().split(/\s+/);
  const bitpix = Number(given.get("hips_pixel_bitpix") || NaN);
  // Without the kind of number in them, tiles of values cannot be read.
  const formats = [...new Set(names.map((name) => FORMATS[name]).filter(Boolean))].filter(
    (name) => name !== "fits" || BITPIX.includes(bitpix),
  );
  need(formats.length > 0, "names no tile format that can be shown (PNG, JPEG, WebP, or FITS with hips_pixel_bitpix)");
  need(!/cube/i.test(given.get("dataproduct_type") ?? ""), "is that of a cube, which is not shown");
  const orderMin = Number(given.get("hips_order_min") || 0);
  const address = new URL(url, document.baseURI).href.replace(/\/$/, "");
  return {
    url,
    address,
    name: given.get("obs_title") || given.get("creator_did") || url,
    did: given.get("creator_did") || address,
    order,
    orderMin: Number.isInteger(orderMin) && orderMin <= order ? Math.max(0, orderMin) : 0,
    frame,
    width,
    formats: [...formats.filter((name) => name !== "fits"), ...formats.filter((name) => name === "fits")],
    bitpix,
    cuts: pair(given.get("hips_pixel_cut")),
    range: pair(given.get("hips_data_range")),
    unit: given.get("obs_unit") || given.get("hips_pixel_bunit") || given.get("data_unit") || "",
    colour: given.get("dataproduct_subtype") === "color",
    credit: given.get("obs_copyright") || given.get("hips_copyright") || "",
  };
}

// The survey at `url`. Throws an Error with words that follow "could not be opened: ".
export async function readSurvey(url, signal) {
  let text;
  const answer = await fetch(`${url.replace(/\/$/, "")}/properties`, { signal });
  if (!answer.ok) {
    const said = await answer.json().catch(() => null);
    throw new Error(said?.message ? `${said.message} ${said.hint ?? ""}`.trim() : `status ${answer.status}`);
  }
  text = await answer.text();
  return describeSurvey(text, url);
}

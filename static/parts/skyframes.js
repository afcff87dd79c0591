// Coordinate frames of the sky as rotations of ICRS (astropy's, J2000 where a frame has an equinox), and their text.
import { degreeText, hourText, radec, unit } from "./sphere.js";

const turn = (m, [x, y, z]) => m.map(([a, b, c]) => a * x + b * y + c * z);
const back = (m) => [0, 1, 2].map((i) => m.map((row) => row[i]));

const GALACTIC = [
  [-0.0548756577125917, -0.8734370519556163, -0.4838350736167155],
  [0.4941094371927275, -0.4448297212232952, 0.7469821839866676],
  [-0.8676661375596587, -0.1980763372730006, 0.4559838136873017],
];
const ECLIPTIC = [
  [0.9999999999999942, -7.07836896e-8, 8.05621397e-8],
  [3.28970041e-8, 0.9174821299149585, 0.3977769994440478],
  [-1.020704473e-7, -0.397776999444043, 0.9174821299149556],
];
const SUPERGALACTIC = [
  [0.3750155557030316, 0.3413588718562474, 0.8618801851683191],
  [-0.8983204377276138, -0.0957271002488513, 0.4287851600030194],
  [0.2288749093754375, -0.935045690264907, 0.270750499492446],
];

export const FRAMES = {
  icrs: { title: "ICRS", matrix: null, word: "" },
  galactic: { title: "Galactic", matrix: GALACTIC, word: "gal" },
  ecliptic: { title: "Ecliptic J2000", matrix: ECLIPTIC, word: "ecl" },
  supergalactic: { title: "Supergalactic", matrix: SUPERGALACTIC, word: "sgal" },
};

// Direction in ICRS to direction in a frame, and back.
export const toFrame = (name, v) => (FRAMES[name].matrix ? turn(FRAMES[name].matrix, v) : v);
export const fromFrame = (name, v) => (FRAMES[name].matrix ? turn(back(FRAMES[name].matrix), v) : v);

const MINUS = /-/g;

// The forms in which a position can be read: words for the eye, plain text that the target field takes back.
export const FORMS = {
  both: "ICRS, hours and degrees",
  hours: "ICRS, hours",
  icrs: "ICRS, degrees",
  galactic: "Galactic",
  ecliptic: "Ecliptic J2000",
  supergalactic: "Supergalactic",
};

export function positionIn(form, ra, dec, fov) {
  const fine = Math.max(1, Math.min(5, Math.ceil(-Math.log10(fov)) + 2));
  const decimals = Math.max(3, Math.min(8, Math.ceil(3.5 - Math.log10(fov))));
  const pair = (name) => {
    const [lon, lat] = radec(toFrame(name, unit(ra, dec)));
    return `${lon.toFixed(decimals)} ${lat.toFixed(decimals)}`;
  };
  const hours = `${hourText(ra, fine + 1)} ${degreeText(dec, fine)}`;
  if (form === "hours") return hours;
  if (form === "both") return `${hours}   ${pair("icrs").replace(MINUS, "−")}°`;
  return `${pair(form).replace(MINUS, "−")}° ${FRAMES[form].word}`.trim();
}

// The same to be pasted elsewhere: one position, ASCII, no unit signs.
export function plainPosition(form, ra, dec, fov) {
  const text = positionIn(form === "both" ? "icrs" : form, ra, dec, fov);
  return text.replace(/−/g, "-").replace("°", "");
}

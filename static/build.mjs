// Builds every static/<noun>.js into static/dist/<noun>.js; knows no widget by name.
// Run: npm ci (in static/), then node static/build.mjs [--watch]
import { build, context } from "esbuild";
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const modules = join(here, "node_modules");

const nouns = (await readdir(here)).filter((name) => name.endsWith(".js")).sort();
const options = {
  entryPoints: nouns.map((name) => join(here, name)),
  outdir: dist,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none", // dist/LICENCES.txt carries the whole texts
  external: ["./aladin.js"], // LGPL: stays a file of its own that anyone can replace, loaded when first used
  loader: { ".css": "text", ".glsl": "text" },
  logLevel: "warning",
};

async function copyAladin() {
  const from = join(modules, "aladin-lite");
  await copyFile(join(from, "dist", "aladin.js"), join(dist, "aladin.js"));
  await copyFile(join(from, "LICENSE"), join(dist, "aladin.LICENSE.txt"));
  await copyFile(join(from, "COPYING"), join(dist, "aladin.COPYING.txt"));
}

// The licence texts of all that is bundled, from the lock file's list of packages that are not for building only.
async function writeLicences() {
  const lock = JSON.parse(await readFile(join(here, "package-lock.json"), "utf8"));
  const parts = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (!path || entry.dev) continue;
    const folder = join(here, path);
    const names = (await readdir(folder)).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name)).sort();
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
    const title = `${path.replace("node_modules/", "")} ${entry.version} (${entry.license ?? "see below"})`;
    parts.push([title, "=".repeat(title.length), ...texts].join("\n"));
  }
  await writeFile(join(dist, "LICENCES.txt"), parts.join("\n\n"));
}

await mkdir(dist, { recursive: true });
await copyAladin();
await writeLicences();
if (process.argv.includes("--watch")) {
  await (await context(options)).watch();
} else {
  await build(options);
  console.log(`built ${nouns.join(" ")}`);
}

// Bundles the page's script and style: `npm run build -- FOLDER`.
// Each file's name has a hash of its content; FOLDER/manifest.json says which file was made of which.

import { rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";

const folder = process.argv[2];
if (folder === undefined) {
  console.error("npm run build -- FOLDER: where to?");
  process.exit(2);
}
await rm(folder, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: ["src/app.ts", "src/app.css"],
  outdir: join(folder, "assets"),
  // where the service serves that folder
  publicPath: "/assets",
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".svg": "file" },
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2023",
  metafile: true,
  logLevel: "warning",
});
const made = Object.entries(metafile.outputs).map(([path, { entryPoint, inputs }]) => [
  basename(entryPoint ?? Object.keys(inputs).join()),
  basename(path),
]);
await writeFile(join(folder, "manifest.json"), `${JSON.stringify(Object.fromEntries(made.sort()), null, 2)}\n`);

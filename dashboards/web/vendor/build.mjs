// Makes the files of ../static/vendor and their list, VENDOR.toml, from the packages that package-lock.json names. `make vendor` runs it.
// With --check it writes nothing and says whether the files are what it would make.
import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, version } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const OUTPUT = resolve(HERE, "../static/vendor");
const HEAD = `# Libraries of others that pages of the console load, as they ship. Made by \`make vendor\` from dashboards/web/vendor, whose lock file
# names every package; tests/tidy/vendored.rs holds the files against this list, and \`make browser\` makes them anew and compares.
`;

/** One file for each: what it is made of, and what it is for. */
const BUNDLES = [
  { name: "codemirror.js", entry: "codemirror.mjs", title: "CodeMirror 6, with the grammar of SQL", use: "The editor of the SQL page (static/editor.js)." },
  { name: "uplot.js", entry: "uplot.mjs", title: "uPlot", use: "Charts that answer to the pointer and the keyboard (static/chart.js)." },
  { name: "uplot.css", entry: "node_modules/uplot/dist/uPlot.min.css", title: "uPlot", use: "The style of those charts." },
];

const lock = JSON.parse(await readFile(join(HERE, "package-lock.json"), "utf8"));
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** The package of a file below node_modules. */
const packageOf = (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(path)?.[1];

/** What the package itself and the lock file say of it. */
async function about(name) {
  const folder = join(HERE, "node_modules", name);
  const told = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const { version, integrity } = lock.packages[`node_modules/${name}`];
  if (told.version !== version) throw new Error(`${name} is ${told.version} and not ${version}: run npm ci`);
  const text = (await readdir(folder)).find((file) => /^licen[cs]e/i.test(file));
  if (!text) throw new Error(`${name} brings no text of its licence`);
  const source = (told.repository?.url ?? told.repository ?? "").replace(/^git\+|^git:\/\//, "").replace(/\.git$/, "");
  return { name, version, licence: told.license, source, integrity, text: (await readFile(join(folder, text), "utf8")).trim() };
}

const same = (a, b) => a.name < b.name ? -1 : 1;

/** A file with the packages that are in it, and their licences as another file. */
async function made({ name, entry, title, use }) {
  const licences = name.replace(/\.\w+$/, ".licence.txt");
  const banner = `/* ${title}. Versions and sources: VENDOR.toml; licences: ${licences}. */`;
  const { outputFiles: [output], metafile } = await build({
    absWorkingDir: HERE, entryPoints: [entry], bundle: true, minify: true, format: "esm", target: "es2022", charset: "utf8",
    legalComments: "none", banner: { [name.endsWith(".css") ? "css" : "js"]: banner }, metafile: true, write: false, outfile: join(OUTPUT, name),
  });
  const names = new Set(Object.keys(metafile.inputs).map(packageOf).filter(Boolean));
  const packages = (await Promise.all([...names].map(about))).sort(same);
  const texts = packages.map(({ name, version, text }) => `${name} ${version}\n\n${text}\n`).join(`\n${"-".repeat(78)}\n\n`);
  return { name, use, licences, texts, packages, bytes: Buffer.from(output.contents) };
}

const quoted = (text) => JSON.stringify(text);

function listed({ name, use, licences, texts, packages, bytes }) {
  const licence = [...new Set(packages.map(({ licence }) => licence))].sort().join(" AND ");
  const rows = [
    "", "[[file]]", `name = ${quoted(name)}`, `use = ${quoted(use)}`, `licence = ${quoted(licence)}`, `licence_file = ${quoted(licences)}`,
    `sha256 = ${quoted(hash(bytes))}`, `licence_sha256 = ${quoted(hash(texts))}`, `made = ${quoted(`esbuild ${version}, bundled and minified`)}`,
  ];
  for (const { name, version, licence, source, integrity } of packages) {
    rows.push("", "[[file.package]]", ...Object.entries({ name, version, licence, source, integrity }).map(([key, value]) => `${key} = ${quoted(value)}`));
  }
  return `${rows.join("\n")}\n`;
}

const bundles = await Promise.all(BUNDLES.map(made));
const files = new Map(bundles.flatMap(({ name, bytes, licences, texts }) => [[name, bytes], [licences, Buffer.from(texts)]]));
files.set("VENDOR.toml", Buffer.from(HEAD + bundles.map(listed).join("")));

if (process.argv.includes("--check")) {
  const faults = [];
  for (const [name, bytes] of files) {
    const there = await readFile(join(OUTPUT, name)).catch(() => null);
    if (!there?.equals(bytes)) faults.push(`${name} ${there ? "is not what its packages make" : "is missing"}`);
  }
  for (const name of await readdir(OUTPUT)) if (!files.has(name)) faults.push(`${name} is made of nothing`);
  if (faults.length) throw new Error(`dashboards/web/static/vendor: ${faults.join("; ")}: run make vendor`);
  console.log(`${files.size} vendored files are what their packages make`);
} else {
  for (const [name, bytes] of files) await writeFile(join(OUTPUT, name), bytes);
  for (const { name, bytes, packages } of bundles) console.log(`${name}: ${Math.ceil(bytes.length / 1024)} KiB of ${packages.length} packages`);
}

// The one file that shows a run without a server: markup, style and script in export.html, which the export fills in.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig, type Plugin } from "vite";
import page from "./vite.config.ts";

const src = (path: string) => resolve(import.meta.dirname, "src", path);

/** What a view asks for → what it gets in a file. */
const OFFLINE = new Map([
  [src("api/client.ts"), src("export/client.ts")],
  [src("api/live.ts"), src("export/live.ts")],
  [src("state/place.ts"), src("export/place.ts")],
  [src("state/clock.ts"), src("export/clock.ts")],
  [src("actions/RunActions.tsx"), src("export/nothing.tsx")],
  [src("run/ExportMenu.tsx"), src("export/nothing.tsx")],
]);

const offline: Plugin = {
  name: "offline",
  enforce: "pre",
  async resolveId(name, importer) {
    if (importer === undefined || importer.includes("/src/export/")) return null;
    const found = await this.resolve(name, importer, { skipSelf: true });
    return (found && OFFLINE.get(found.id)) ?? null;
  },
};

const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const oneFile: Plugin = {
  name: "one-file",
  enforce: "post", // after the styles are put together
  generateBundle(_options, bundle) {
    let script = "";
    let style = "";
    for (const [name, part] of Object.entries(bundle)) {
      if (part.type === "chunk") script += part.code;
      else if (name.endsWith(".css")) style += part.source.toString();
      delete bundle[name];
    }
    script = script.trim().replaceAll("</", "<\\/").replaceAll("<!--", "<\\!--");
    style = style.trim();
    const policy = [
      "default-src 'none'",
      `script-src ${hash(script)}`,
      `style-src ${hash(style)}`,
      "img-src data:",
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].join("; ");
    const parts = new Map([
      ["POLICY", policy],
      ["STYLE", style],
      ["SCRIPT", script],
    ]);
    const source = readFileSync(src("export/export.template"), "utf8").replace(
      /RUNLOG_EXPORT_(POLICY|STYLE|SCRIPT)/g,
      (all, name: string) => parts.get(name) ?? all,
    );
    this.emitFile({ type: "asset", fileName: "export.html", source });
  },
};

export default defineConfig({
  base: "./",
  plugins: [offline, oneFile],
  oxc: page.oxc,
  build: {
    outDir: "../static",
    emptyOutDir: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    modulePreload: false,
    target: "es2022",
    rollupOptions: { input: src("export/main.tsx"), output: { format: "iife", codeSplitting: false } },
  },
});

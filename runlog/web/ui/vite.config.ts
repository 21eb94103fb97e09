import { defineConfig } from "vite";

const BASE =
  /node_modules|src\/(api|state|shell)\/|src\/format\/(ansi|duration|marks|number|query|range|status|time)\.|src\/parts\/(Badge|DataText|VirtualList|scroller|Button|CopyButton|Dialog|Duration|Icon|Link|Menu|Time|Tooltip|lazy|states|toast)\./;

// Everything is served by runlog itself from a fixed list: no inline code, no data: scripts, no CDN.
export default defineConfig({
  base: "/",
  build: {
    outDir: "../static",
    emptyOutDir: true,
    manifest: "manifest.json",
    cssCodeSplit: false, // in one file they are 8 kB smaller
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    rollupOptions: {
      input: "index.html",
      // What every view needs is one file; otherwise a view would fetch others' code for the sake of a small part.
      output: { codeSplitting: { groups: [{ name: "base", test: BASE }] } },
    },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
});

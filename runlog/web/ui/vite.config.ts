import { defineConfig } from "vite";

// Everything is served by runlog itself from a fixed list: no inline code, no data: scripts, no CDN.
export default defineConfig({
  base: "/",
  build: {
    outDir: "../static",
    emptyOutDir: true,
    manifest: "manifest.json",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    rollupOptions: { input: "index.html" },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
});

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// The gateway serves the files at /page/ and index.html at /, under a policy without inline scripts, styles and data URLs.
export default defineConfig({
  plugins: [svelte()],
  base: "/page/",
  build: {
    outDir: "../src/idc_gateway/web/built",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // the slide's viewer stays apart, as a file that no other view loads
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "viewer", test: /node_modules\/openseadragon/ }] } } },
    target: "es2023",
  },
  server: { proxy: { "/api": "http://localhost:8080", "/static": "http://localhost:8080" } },
  test: { include: ["src/**/*.test.ts"], setupFiles: ["src/words/test_browser.ts"] },
});

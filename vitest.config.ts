import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "containerlab/**/*.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        // Real peers, real packets: one file at a time, so that namespaces and figures do not disturb each other.
        test: {
          name: "system",
          include: ["test/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
export default config;

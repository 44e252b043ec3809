import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    // The second one holds docs/NAT.md to what the tests showed.
    reporters: ["default", "./test/requirements/reporter.ts"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "containerlab/**/*.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        // Real peers, real packets: mostly waiting for timers, so several at once, each in namespaces of its own, and
        // after the unit tests, which want the processors.
        test: {
          name: "system",
          include: ["test/**/*.test.ts"],
          sequence: { groupOrder: 1 },
          maxWorkers: 4,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
export default config;

import { defineConfig, type ViteUserConfig } from "vitest/config";
import { LongestFirst } from "./test/longest-first.ts";

const config: ViteUserConfig = defineConfig({
  test: {
    // The second one holds docs/NAT.md to what the tests showed.
    reporters: ["default", "./test/requirements/reporter.ts"],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        // No module of ours has a state of its own, so that files share a process, which halves what they cost.
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "containerlab/**/*.test.ts"],
          isolate: false,
          maxWorkers: "100%",
          testTimeout: 60_000,
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

import { describe } from "vitest";
import { laws } from "../../test/store/laws/laws.ts";
import { HISTORY_COMMITS } from "./feed.ts";
import { MemoryStore } from "./memory.ts";

describe("in memory", () => {
  laws(
    async () => ({
      open: async () => new MemoryStore(),
      lasting: false,
      forget: async (store) => {
        for (let i = 0; i < HISTORY_COMMITS; i++) await store.commit({ put: [{ key: "/x", value: "1" }] });
      },
      remove: async () => undefined,
    }),
    { runs: 300 },
  );
});

import { expect, test } from "vitest";
import { failuresIn } from "./conntrack.ts";

/** As Linux 6.18 writes it, of two processors. */
const statistics = (first: string, second: string): string =>
  `entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart
${first}
${second}
`;

test.each([
  [
    "no port was free, which the kernel counts as dropped, too",
    [0, 0x18, 0x18],
    { insertFailed: 24, dropped: 0 },
  ],
  ["conntrack was full", [0, 0, 0x10], { insertFailed: 0, dropped: 16 }],
  ["both, and too many in one place of the hash", [2, 5, 7], { insertFailed: 5, dropped: 4 }],
])("%s", (_, [chain = 0, failed = 0, drop = 0], expected) => {
  const row = (...numbers: readonly number[]): string =>
    [0x10, 0, 0, 0, 3, 0, 0, ...numbers, 0, 0, 0, 0, 0, 0]
      .map((n) => n.toString(16).padStart(8, "0"))
      .join(" ");
  expect(failuresIn(statistics(row(chain, 0, failed, drop), row(0, 0, 0, 0)))).toEqual(expected);
});

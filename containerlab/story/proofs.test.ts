import { describe, expect, test } from "vitest";
import type { Output } from "../runner/background.ts";
import { answered, answeredBy, shows, showsNo } from "./proofs.ts";
import type { Proof } from "./step.ts";
import { STORY } from "./story.ts";

const A = "172.16.1.3 answered: vm-a saw 198.18.0.10 40312";
const B = "172.16.1.3 answered: vm-b saw 198.18.0.10 40313";
const SILENCE = "172.16.1.3 7000 over tcp: silence for 2000 ms";

describe("output proves what it says, and nothing else", () => {
  const fromA = answered("172.16.1.3", /^vm-a$/, /^198\.18\.0\.10$/);
  test.each<[string, (output: Output) => Proof, string, boolean, string]>([
    ["an answer", fromA, A, true, "172.16.1.3 answered: vm-a saw 198.18.0.10"],
    ["two answers", fromA, `${A}\n${A}\n`, true, "172.16.1.3 answered: vm-a saw 198.18.0.10"],
    ["an answer of another", fromA, `${A}\n${B}`, false, `${A} | ${B}`],
    ["an answer from elsewhere", fromA, A.replace("172.16.1.3", "10.65.0.13"), false, "10.65.0.13 answered"],
    ["another client seen", fromA, A.replace("198.18.0.10", "192.168.8.1"), false, "vm-a saw 192.168.8.1"],
    ["an answer and silence", fromA, `${A}\n${SILENCE}`, false, `${A} | ${SILENCE}`],
    ["nothing", fromA, "", false, "nothing came back"],
    [
      "answers of both",
      answeredBy("vm-a", "vm-b"),
      `${B}\n${A}\n${A}`,
      true,
      "vm-a answered 2, vm-b answered 1",
    ],
    ["answers of one", answeredBy("vm-a", "vm-b"), A, false, A],
    ["answers of one more", answeredBy("vm-a"), `${A}\n${B}`, false, A],
    ["answers with a gap", answeredBy("vm-a"), `${A}\n${SILENCE}`, false, SILENCE],
    ["all patterns", shows(/b./, /d/), "a bc d", true, "bc; d"],
    ["one pattern of two", shows(/b./, /e/), "a bc d", false, "a bc d"],
    ["no pattern", showsNo(/x/, "no x"), "a b", true, "no x"],
    ["a pattern that must not be", showsNo(/b./, "no b"), "a bc", false, "bc"],
  ])("%s", (_, prove, stdout, holds, said) => {
    const proof = prove({ stdout, stderr: "", code: 0 });
    expect(proof.holds).toBe(holds);
    expect(proof.said).toContain(said);
  });

  test("a command that failed proves no absence", () => {
    expect(showsNo(/x/, "no x")({ stdout: "", stderr: "refused", code: 1 })).toEqual({
      holds: false,
      said: "refused",
    });
  });
});

test("every step has an id of its own", () => {
  const ids = STORY.flatMap(({ steps }) => steps.map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
});

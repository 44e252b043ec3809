import { describe, expect, test } from "vitest";
import type { Output } from "../runner/background.ts";
import { answered, answeredBy, goesVia, neverLost, shows, waysOf } from "./proofs.ts";
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
  ])("%s", (_, prove, stdout, holds, said) => {
    const proof = prove({ stdout, stderr: "", code: 0 });
    expect(proof.holds).toBe(holds);
    expect(proof.said).toContain(said);
  });
});

describe("a route that is watched is lost when nothing is put in its place first", () => {
  test.each<[string, string, string | undefined, boolean]>([
    ["nothing happened", "", "192.0.2.1", true],
    [
      "added before deleted",
      "192.0.2.1 nhid 2 proto 86 \nDeleted 192.0.2.1 nhid 1 proto 86",
      "192.0.2.1",
      true,
    ],
    ["deleted at once", "Deleted 192.0.2.1 nhid 1 proto 86", "192.0.2.1", false],
    ["added and deleted", "192.0.2.1 nhid 2 \nDeleted 192.0.2.1 nhid 2", "192.0.2.1", false],
    ["deleted, then added", "Deleted 192.0.2.1 nhid 1\n192.0.2.1 nhid 2", "192.0.2.1", false],
    ["another one was deleted", "Deleted 192.0.2.2 nhid 1", "192.0.2.1", true],
    ["any was deleted", "Deleted 192.0.2.2 nhid 1", undefined, false],
    ["a discard was deleted", "Deleted blackhole 192.0.2.2 proto 86", undefined, false],
  ])("%s", (_, stdout, prefix, holds) => {
    expect(neverLost(prefix)({ stdout, stderr: "", code: 0 }).holds).toBe(holds);
  });

  test("a watch that failed proves nothing", () => {
    expect(neverLost()({ stdout: "", stderr: "refused", code: 1 })).toEqual({
      holds: false,
      said: "refused",
    });
  });
});

const OBJECTS = `
id 1 via 192.168.8.4 dev eth2 scope link proto 86
id 2 via 192.168.8.3 dev eth2 scope link proto 86
id 3 group 1/2,7 type resilient buckets 128 idle_timer 2 unbalanced_timer 0 unbalanced_time 0 proto 86
id 4 group 1/1 type resilient buckets 128 proto 86
`;

describe("the next hops of a route are found", () => {
  test.each([
    ["in it", "default via 192.168.8.1 dev eth1 proto 86", ["192.168.8.1"]],
    [
      "in it, several",
      "192.0.2.53\n\tnexthop via 1.1.1.1 dev a\n\tnexthop via 1.1.1.2 dev b",
      ["1.1.1.1", "1.1.1.2"],
    ],
    ["by object", "10.65.0.13 nhid 2 proto 86", ["192.168.8.3"]],
    ["by object, shown in it too", "10.65.0.13 nhid 2 via 192.168.8.3 dev eth1 proto 86", ["192.168.8.3"]],
    ["by group", "192.0.2.53 nhid 3 proto 86", ["192.168.8.3", "192.168.8.4"]],
    ["by group of one", "192.0.2.53 nhid 4 proto 86", ["192.168.8.4"]],
    ["not, when there is no route", "", []],
    ["not, when the object is gone", "192.0.2.53 nhid 9 proto 86", []],
  ])("%s", (_, route, ways) => {
    const stdout = route + OBJECTS;
    expect(waysOf(stdout)).toEqual(ways);
    expect(goesVia(...ways)({ stdout, stderr: "", code: 0 }).holds).toBe(true);
    expect(goesVia(...ways, "192.0.2.1")({ stdout, stderr: "", code: 0 }).holds).toBe(false);
  });
});

test("every step has an id of its own", () => {
  const ids = STORY.flatMap(({ steps }) => steps.map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
});

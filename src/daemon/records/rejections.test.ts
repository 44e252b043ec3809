import { expect, test } from "vitest";
import { parseAddress, parsePrefix } from "../../bgp/net/text.ts";
import type { ReceivedRoute } from "../../bgp/rib/snapshot.ts";
import { keptLog } from "../testing/lines.ts";
import { Rejections } from "./rejections.ts";

const PEER = parseAddress("192.0.2.2")!;
type Speaker = Parameters<Rejections["look"]>[0];
type Received = Pick<ReceivedRoute, "prefix" | "accepted" | "rule">;

const ACCEPTED = {} as NonNullable<ReceivedRoute["accepted"]>;
const route = (text: string, accepted: boolean): Received => ({
  prefix: parsePrefix(text)!,
  accepted: accepted ? ACCEPTED : undefined,
  rule: accepted ? "import[0]" : "guard.private",
});

function speaker(routes: readonly Received[], state: "established" | "idle" = "established"): Speaker {
  const accepted = routes.filter((one) => one.accepted !== undefined).length;
  const prefixes = { received: routes.length, accepted, advertised: 0, refused: 0 };
  return { peers: () => [{ address: PEER, state, prefixes }], received: () => routes };
}

const GOOD = speaker([route("198.18.0.0/24", true)]);
const BAD = speaker([
  route("198.18.0.0/24", true),
  route("10.65.0.0/16", false),
  route("10.66.0.0/16", false),
]);

test("what the import rules do not let in is told once, with one prefix and the rule", () => {
  const { log, lines } = keptLog();
  const rejections = new Rejections(log);
  for (const seen of [GOOD, BAD, BAD]) rejections.look(seen);
  expect(lines).toMatchObject([
    {
      event: "bgp.import.rejected",
      peer: "192.0.2.2",
      rejected: 2,
      prefix: "10.65.0.0/16",
      rule: "guard.private",
    },
  ]);
});

test("and again in the next session, or after a time without", () => {
  const { log, lines } = keptLog();
  const rejections = new Rejections(log);
  for (const seen of [BAD, speaker([], "idle"), BAD, GOOD, BAD]) rejections.look(seen);
  expect(lines).toHaveLength(3);
});

test("a full table is not searched to its end", () => {
  const { log, lines } = keptLog();
  let read = 0;
  const many = {
    peers: BAD.peers,
    *received(): Generator<Received> {
      for (;;) {
        read++;
        yield route("198.18.0.0/24", true);
      }
    },
  };
  new Rejections(log).look(many);
  expect(read).toBeLessThan(10_000);
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toHaveProperty("prefix");
});

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Sample, sampleSource } from "../api/sample.ts";
import { samplePeer } from "../api/sample-peers.ts";
import type { PeerAnswer } from "../api/schema.ts";
import { createApi } from "../api/server.ts";
import type { ApiControl, PeerRequest } from "../api/source.ts";
import { Place, type Run } from "./testing/place.ts";

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.remove());

const serve = (sample: Partial<Sample>, control?: ApiControl): Promise<string> =>
  place.serve(createApi(sampleSource(sample), { ...place.options, ...(control && { control }) }));

describe("gwctl peer", () => {
  const shut = samplePeer({ state: "idle", halt: { reason: "shutdown", text: "new \u001b[31moptics" } });

  async function ordered(line: string, answer?: PeerAnswer): Promise<Run & { readonly request: unknown }> {
    const requests: PeerRequest[] = [];
    await serve(
      {},
      {
        stop: () => ({ stopping: true, pid: 1 }),
        order: (request) => {
          requests.push(request);
          return answer;
        },
      },
    );
    return { ...(await place.gwctl(line)), request: requests[0] };
  }

  test.each([
    ["peer shutdown 198.51.100.2 --text optics", { order: "shutdown", text: "optics" }],
    ["pe st 198.51.100.2", { order: "start" }],
    ["peer reset 198.51.100.2", { order: "reset" }],
    ["peer reset 198.51.100.2 --soft", { order: "refresh" }],
  ])("%s", async (line, request) => {
    const run = await ordered(line, shut);
    expect(run).toEqual({
      exit: 0,
      err: "",
      out: "198.51.100.2: Idle(Admin), shut down: new \\x1b[31moptics\n",
      request: { peer: "198.51.100.2", ...request },
    });
  });

  test("as the API answered it", async () => {
    expect(JSON.parse((await ordered("peer start 198.51.100.2 -o json", shut)).out)).toEqual(shut);
  });

  test.each([
    ["peer start 203.0.113.9", 3, "no peer has the address"],
    ["peer reset 198.51.100.2 --soft --text x", 2, "cannot be used with"],
    [`peer shutdown 198.51.100.2 --text ${"x".repeat(256)}`, 2, "more than 255 octets"],
    ["peer shutdown a/b", 2, "is neither an IP address nor an interface"],
  ])("%s: status %i", async (line, exit, words) => {
    const run = await ordered(line);
    expect(run.exit).toBe(exit);
    expect(run.err).toContain(words);
  });

  test.each<[PeerAnswer["halt"], string, string]>([
    [{ reason: "shutdown" }, "Idle(Admin)", "shut down"],
    [{ reason: "max-prefixes" }, "Idle(PfxCt)", "more prefixes than allowed (10); until it is started"],
    [
      { reason: "max-prefixes", restartsInSeconds: 90 },
      "Idle(PfxCt)",
      "more prefixes than allowed (10); again in 00:01:30",
    ],
  ])("%o is shown", async (halt, state, why) => {
    const peer = samplePeer({
      state: "idle",
      maxPrefixes: { limit: 10, warnAt: 8 },
      ...(halt && { halt }),
    });
    await serve({ peers: [peer] });
    expect((await place.gwctl("show peers")).out).toContain(state);
    const { out } = await place.gwctl("show peer 198.51.100.2");
    expect(out).toContain(`${state} for`);
    expect(out).toContain(why);
    expect(out).toContain("10, a warning at 8");
  });
});

import { expect, test } from "vitest";
import type { Model } from "../model/model.ts";
import { NO_NAT } from "../model/testing/values.ts";
import { Algs } from "./algs.ts";

const model = (alg: Model["nat"]["alg"]): Model => ({ nat: { ...NO_NAT, alg } }) as Model;

/** A kernel that knows FTP alone, and is away as often as is said. */
function kernelAway(times: number): { lackedHelpers(bodies: readonly string[]): Promise<readonly string[]> } {
  let left = times;
  return {
    lackedHelpers: (bodies) =>
      left-- > 0
        ? Promise.reject(new Error("netd is away"))
        : Promise.resolve(bodies.filter((body) => !body.includes('"ftp"'))),
  };
}

test("what the kernel lacks is left out and told; the others work", async () => {
  const wanted = model(["ftp", "sip"]);
  const algs = await new Promise<Algs>((resolve) => {
    const made: Algs = new Algs(kernelAway(0), () => resolve(made));
    // Nothing is set before it is known to be there.
    expect(made.applied(wanted).nat.alg).toEqual([]);
  });
  expect(algs.applied(wanted).nat.alg).toEqual(["ftp"]);
  expect(algs.applied(wanted)).toBe(algs.applied(wanted));
  expect(algs.problems(wanted)).toMatchObject([{ code: "nat.alg", subject: "sip" }]);
});

test("a model without any is taken as it is", () => {
  const algs = new Algs(kernelAway(0), () => undefined);
  const none = model([]);
  expect(algs.applied(none)).toBe(none);
  expect(algs.problems(none)).toEqual([]);
});

test("while netd is away nothing is known, and the next pass asks again", async () => {
  const wanted = model(["ftp"]);
  await new Promise<void>((resolve) => {
    const algs = new Algs(kernelAway(1), resolve);
    algs.applied(wanted);
    setImmediate(() => algs.applied(wanted));
  });
});

/** The store in three members of etcd, and a gatewayd on it, when one of them, or the way to them, is gone. */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Client, Cluster, type Gatewayd } from "./cluster.ts";
import { missing } from "./etcd-daemon.ts";
import { WAIT } from "./laws/subject.ts";

const absent = process.getuid?.() === 0 ? missing("etcd", "etcdctl", "nft", "setpriv") : missing("root");

const keys = (name: string): string[] => Array.from({ length: 5 }, (_, i) => `/${name}/${i}`);

describe.skipIf(absent !== undefined)(
  `three members${absent === undefined ? "" : `, missing: ${absent}`}`,
  () => {
    let cluster: Cluster;
    let one: Client;
    let other: Client;
    let gatewayd: Gatewayd;
    beforeAll(async () => {
      cluster = await Cluster.start();
      [one, other, gatewayd] = await Promise.all([
        cluster.client("a", "b", "c"),
        cluster.client("c", "a", "b"),
        cluster.gatewayd(),
      ]);
    });
    afterAll(() => cluster?.stop());

    /** Both watches have told all of these once, in this order, among others. */
    const bothTold = (expected: readonly string[]): Promise<void> =>
      vi.waitFor(() => {
        for (const { told } of [one, other]) {
          expect([...new Set(told.filter((key) => expected.includes(key)))]).toEqual(expected);
        }
      }, WAIT);

    test("each sees what the other writes", async () => {
      for (const key of keys("before")) await one.put(key);
      await gatewayd.makes("before");
      await bothTold(keys("before"));
    });

    test("the member is killed that one speaks to: it goes on with another, and its watch has no gap", async () => {
      await cluster.kill("a");
      for (const key of keys("killed")) await one.put(key);
      await bothTold(keys("killed"));
      await gatewayd.makes("killed");
      cluster.run("a");
      await vi.waitFor(() => cluster.etcdctl(["a"], "endpoint", "health"), WAIT);
    });

    test("a member is cut off from the others: who speaks to it hears it all the same", async () => {
      cluster.cut("c");
      for (const key of keys("minority")) await one.put(key);
      await bothTold(keys("minority"));
      await other.put("/minority/written");
      await bothTold(["/minority/written"]);
      cluster.heal();
      await vi.waitFor(() => cluster.etcdctl(["c"], "endpoint", "health"), WAIT);
    });

    test("no member can be reached: an error, a lease that is lost, and all that was missed once they can be", async () => {
      const lone = await cluster.client("b", "c");
      await lone.ask({ do: "live", key: "/live" });
      cluster.cut("client");
      expect(await lone.ask({ do: "put", key: "/unknown" })).toMatchObject({ error: "unavailable" });
      expect(await gatewayd.ask("unknown")).toMatchObject({
        status: 503,
        body: expect.stringContaining("etcd"),
      });
      expect(await gatewayd.networks()).toEqual(expect.arrayContaining(["before", "killed"]));
      await vi.waitFor(() => expect(lone.lost).toEqual(["/live"]), WAIT);
      cluster.etcdctl(["a"], "put", "/gatewayd/meanwhile", "1");
      cluster.heal();
      await bothTold(["/meanwhile"]);
      await vi.waitFor(() => expect(lone.told).toContain("/meanwhile"), WAIT);
      await vi.waitFor(() => expect(lone.told).toContain("-/live"), WAIT);
      await lone.put("/after");
      await bothTold(["/after"]);
      await gatewayd.makes("after");
      expect(await gatewayd.networks()).toEqual(expect.arrayContaining(["before", "killed", "after"]));
    });

    test("in the end all read the same, and it is what was acknowledged", async () => {
      const { keys: read } = await one.ask({ do: "read" });
      expect((await other.ask({ do: "read" })).keys).toEqual(read);
      expect(read).toEqual(
        expect.arrayContaining([...keys("before"), ...keys("killed"), ...keys("minority"), "/after"]),
      );
    });
  },
);

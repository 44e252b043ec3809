/** What an etcd that has users asks for, and what becomes of it when a user changes. */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { EtcdStore } from "../../src/store/etcd/etcd.ts";
import type { EtcdSettings } from "../../src/store/etcd/members.ts";
import type { Etcd } from "./etcd-daemon.ts";
import { watched } from "./laws/subject.ts";

/** root, and a user "gateway" that has what begins with a prefix. @returns a token of root's */
async function makeUsers(etcd: Etcd, prefix: string, password: string): Promise<string> {
  const octets = (text: string): string => Buffer.from(text).toString("base64");
  const perm = { permType: "READWRITE", key: octets(`${prefix}/`), range_end: octets(`${prefix}0`) };
  await etcd.ask("/v3/auth/user/add", { name: "root", password: "root" });
  await etcd.ask("/v3/auth/role/add", { name: "root" });
  await etcd.ask("/v3/auth/user/grant", { user: "root", role: "root" });
  await etcd.ask("/v3/auth/user/add", { name: "gateway", password });
  await etcd.ask("/v3/auth/role/add", { name: "gateways" });
  await etcd.ask("/v3/auth/role/grant", { name: "gateways", perm });
  await etcd.ask("/v3/auth/user/grant", { user: "gateway", role: "gateways" });
  await etcd.ask("/v3/auth/enable", {});
  const login = await etcd.ask("/v3/auth/authenticate", { name: "root", password: "root" });
  return (login as { readonly token: string }).token;
}

export function users(settings: () => EtcdSettings, etcd: () => Etcd): void {
  describe("an etcd that has users", () => {
    let token = "";
    let password = "sesame";
    let place: EtcdSettings;
    const as = (user: string): EtcdSettings => ({ ...place, login: { user, password: () => password } });

    beforeAll(async () => {
      place = settings();
      token = await makeUsers(etcd(), place.prefix, password);
    });
    afterAll(() => etcd().ask("/v3/auth/disable", {}, token));

    test("a token that is known no more is asked for again, with the password of the day, and nothing is lost", async () => {
      const store = await EtcdStore.open(as("gateway"));
      const { revision } = await store.read("/");
      const watch = watched(store, "/", revision);
      const lost = vi.fn();
      const lease = await store.lease(5, lost);
      await store.commit({ put: [{ key: "/a", value: "1", lease }] });
      await watch.until("/a");
      password = "another";
      await etcd().ask("/v3/auth/user/changepw", { name: "gateway", password }, token);
      expect(await store.commit({ put: [{ key: "/b", value: "2" }] })).toMatchObject({ ok: true });
      expect((await store.read("/")).entries.size).toBe(2);
      await watch.until("/b");
      const again = watched(store, "/", revision);
      await again.until("/b");
      await store.close();
      expect(lost).not.toHaveBeenCalled();
    });

    test.each<[string, () => EtcdSettings, RegExp]>([
      ["nobody's name", () => as("stranger"), /authentication failed/],
      [
        "another password",
        () => ({ ...place, login: { user: "gateway", password: () => "wrong" } }),
        /authentication failed/,
      ],
      [
        "a password that cannot be read",
        () => ({
          ...place,
          login: {
            user: "gateway",
            password: () => {
              throw new Error("/etc/password: ENOENT");
            },
          },
        }),
        /^the password for etcd: \/etc\/password: ENOENT$/,
      ],
      ["keys of others", () => ({ ...as("gateway"), prefix: "/others" }), /permission denied/],
    ])("%s: opening fails, and says why", async (_, wrong, message) => {
      const error: unknown = await EtcdStore.open(wrong()).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ detail: { code: "unavailable" } });
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message).not.toMatch(/wrong|another/);
    });
  });
}

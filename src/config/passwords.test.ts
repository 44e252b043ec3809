import { describe, expect, test } from "vitest";
import { type Loaded, load } from "./load.ts";
import type { PasswordRead } from "./passwords.ts";

const FILE = `bgp:
  asn: 65000
  routerId: 192.0.2.1
  groups:
    hosts: { asn: 65000, passwordFile: /etc/hosts.key }
  peers:
    - { address: 192.0.2.2, asn: 65000, passwordFile: /etc/peer.key, ttlSecurity: true }
    - { range: 192.168.8.0/24, group: hosts }
`;

const files = (more: Readonly<Record<string, PasswordRead>> = {}): ((path: string) => PasswordRead) => {
  const all: Readonly<Record<string, PasswordRead>> = {
    "/etc/hosts.key": { text: "hosts' own\n", mode: 0o100640 },
    "/etc/peer.key": { text: "  a b \n", mode: 0o100600 },
    ...more,
  };
  return (path) => all[path] ?? { message: "there is no such file", hint: "is the path right?" };
};

const read = (text: string, more?: Readonly<Record<string, PasswordRead>>): Loaded =>
  load(text, { file: "g.yaml", hostname: "h", readPassword: files(more) });

test("peers and groups get the password of their file, without the white space around it", () => {
  const loaded = read(FILE);
  expect(loaded.warnings).toEqual([]);
  expect(loaded.ok && loaded.model.bgp.peers).toMatchObject([
    { password: "a b", ttlSecurity: true },
    { password: "hosts' own", ttlSecurity: false },
  ]);
});

describe("a file that", () => {
  test.each<[string, PasswordRead | undefined, string]>([
    ["is empty", { text: " \n", mode: 0o600 }, "/etc/peer.key is empty"],
    ["has more than 80 octets", { text: "é".repeat(41), mode: 0o600 }, "at most 80 octets"],
    ["has two lines", { text: "a\nb\n", mode: 0o600 }, "one line of text"],
    ["is not text", { text: "\u0000a", mode: 0o600 }, "one line of text"],
    ["cannot be read", { message: "permission denied", hint: "" }, "/etc/peer.key: permission denied"],
  ])("%s is an error with its place", (_, file, message) => {
    const loaded = read(FILE, file && { "/etc/peer.key": file });
    expect(!loaded.ok && loaded.errors).toMatchObject([
      { line: 7, path: "bgp.peers[0].passwordFile", message: expect.stringContaining(message) },
    ]);
  });

  test.each([0o644, 0o660, 0o650, 0o604])("has mode %i is a warning", (mode) => {
    const loaded = read(FILE, { "/etc/hosts.key": { text: "a", mode } });
    expect(loaded.ok).toBe(true);
    expect(loaded.warnings).toMatchObject([{ line: 5, path: "bgp.groups.hosts.passwordFile" }]);
  });
});

test("an address without a password in a range that has one is an error", () => {
  const loaded = read(`${FILE}    - { address: 192.168.8.9, asn: 65000 }\n`);
  expect(!loaded.ok && loaded.errors).toMatchObject([{ line: 9, path: "bgp.peers[2]" }]);
});

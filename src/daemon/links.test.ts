import { expect, test } from "vitest";
import { formatPrefix, parseAddress } from "../bgp/net/text.ts";
import type { Link } from "../gateway/intent.ts";
import { changedLinks, turnedLinks } from "./links.ts";

const link = (name: string, more: Partial<Link> = {}): Link => ({
  name,
  index: 1,
  up: true,
  addresses: [],
  ...more,
});
const on = (text: string): Partial<Link> => ({ addresses: [{ address: parseAddress(text)!, length: 24 }] });

test.each<[string, Link[], Link[], string[]]>([
  ["nothing", [], [], []],
  ["the same, told again", [link("a", on("192.0.2.1"))], [link("a", on("192.0.2.1"))], []],
  ["in another order", [link("a"), link("b")], [link("b"), link("a")], []],
  ["one more", [link("a")], [link("a"), link("b")], ["b"]],
  ["one less", [link("a"), link("b")], [link("b")], ["a"]],
  ["down", [link("a")], [link("a", { up: false })], ["a"]],
  ["made anew", [link("a")], [link("a", { index: 2 })], ["a"]],
  ["another address", [link("a", on("192.0.2.1"))], [link("a", on("192.0.2.2"))], ["a"]],
  ["another name", [link("a")], [link("b")], ["b", "a"]],
])("%s", (_name, before, after, changed) => {
  expect(changedLinks(before, after)).toEqual(changed);
});

test.each<[string, Link[], Link[], string[]]>([
  ["up from the start", [], [link("a", on("192.0.2.1"))], ["a up 192.0.2.0/24"]],
  ["down from the start", [], [link("a", { up: false })], []],
  ["down", [link("a", on("192.0.2.1"))], [link("a", { up: false })], ["a down 192.0.2.0/24"]],
  ["gone", [link("a", on("192.0.2.1"))], [], ["a down 192.0.2.0/24"]],
  ["an address more", [link("a")], [link("a", on("192.0.2.1"))], []],
])("turned: %s", (_name, before, after, turned) => {
  const words = turnedLinks(before, after).map(
    ({ name, up, networks }) => `${name} ${up ? "up" : "down"} ${networks.map(formatPrefix).join(" ")}`,
  );
  expect(words).toEqual(turned);
});

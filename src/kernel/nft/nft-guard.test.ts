import fc from "fast-check";
import { expect, test } from "vitest";
import { refusesNft } from "./nft-guard.ts";

test.each([
  "",
  "\n\n# nothing\n",
  "add table inet gatewayd",
  "table inet gatewayd { }",
  "table inet gatewayd {\n\tmap f {\n\t\ttype ipv4_addr : ipv4_addr\n\t\telements = { 1.1.1.1 : 2.2.2.2 }\n\t}\n}\n",
  "add element inet gatewayd f { 1.1.1.1 : 2.2.2.2 }; delete element inet gatewayd f { 1.1.1.2 }",
  "destroy table inet gatewayd\nadd table inet gatewayd",
  "flush chain inet gatewayd x",
  "add rule inet gatewayd x ip saddr { 1.1.1.1, 2.2.2.2 } drop",
  'add rule inet gatewayd x iifname "tap0" log prefix "include # { ;" drop',
  "add chain inet gatewayd x { type nat hook prerouting priority -100; policy accept; }",
  "add ct timeout inet gatewayd t { protocol udp; }",
  "add element inet gatewayd f {\n1.1.1.1 : 2.2.2.2, # table inet other {\n1.1.1.3 : 2.2.2.3\n}",
])("our own table may be spoken of: %j", (text) => {
  expect(refusesNft(text)).toBeUndefined();
});

test.each([
  "flush ruleset",
  "list ruleset",
  "get element inet gatewayd f { 1.1.1.1 }",
  "reset counters table inet gatewayd",
  "monitor",
  "table inet other { }",
  "table ip gatewayd { }",
  "table gatewayd { }",
  "add table gatewayd",
  "add table inet gatewayd2",
  'add table inet "gatewayd"',
  "add rule ip gatewayd x drop",
  "delete table inet gatewayd; delete table inet other",
  "delete table inet gatewayd\nflush ruleset",
  "table inet gatewayd { } table inet other { }",
  "add chain inet gatewayd x { } ; delete table inet other",
  'include "/etc/shadow"',
  'table inet gatewayd {\ninclude "/etc/shadow"\n}',
  'table inet gatewayd { include"/etc/shadow"\n}',
  "define x = 1\nadd table inet gatewayd",
  "table inet gatewayd {\n\tdefine x = 1\n}",
  "add table \\\ninet other",
  "table inet gatewayd { # }\n",
  'table inet gatewayd { " }\n',
  "}\n",
  "{ }\n",
  "table inet gatewayd {",
  "add table inet gatewayd\r\nflush ruleset",
  "add table inet gatewayd\0flush ruleset",
  "add table inet\u00a0gatewayd",
  "add ct nothing inet gatewayd x",
  "add",
  "add ct",
])("nothing else may be: %j", (text) => {
  expect(refusesNft(text)).toBeTypeOf("string");
});

const OURS = [
  "add table inet gatewayd",
  "add chain inet gatewayd c { policy drop; }",
  "# a comment",
  "flush chain inet gatewayd c",
];
const THEIRS = ["flush ruleset", "delete table inet other", 'include "x"', "table ip nat { }", "list tables"];

test("one foreign command among any number of ours is found, and ours alone never refused", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...OURS)),
      fc.option(fc.constantFrom(...THEIRS), { nil: undefined }),
      fc.array(fc.constantFrom(...OURS)),
      (before, foreign, after) => {
        const text = [...before, ...(foreign === undefined ? [] : [foreign]), ...after].join("\n");
        expect(refusesNft(text) === undefined).toBe(foreign === undefined);
      },
    ),
  );
});

test("no text makes it throw", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      refusesNft(text);
    }),
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { ipv4 } from "../bgp/net/address.ts";
import { FloatingIndex } from "./floating-index.ts";
import type { FloatingIp } from "./model.ts";

const target = fc.nat(3).map(ipv4);
const floatingIp: fc.Arbitrary<FloatingIp> = fc
  .tuple(fc.option(target, { nil: undefined }), fc.array(target, { maxLength: 3 }))
  .map(([to, ports]) => ({
    address: ipv4(0),
    to,
    egress: "floating",
    stateless: false,
    forwards: ports.map((each) => ({
      protocol: "tcp",
      ports: { first: 1, last: 1 },
      to: each,
      toPorts: { first: 1, last: 1 },
    })),
  }));

test("what leads to an address is found, whatever came and went", () => {
  fc.assert(
    fc.property(fc.array(floatingIp), fc.array(floatingIp), fc.nat(), (first, come, seed) => {
      const index = new FloatingIndex(first);
      for (const each of come) index.add(each);
      const gone = [...first, ...come].filter((_, i) => (seed >> (i % 30)) % 2 === 1);
      for (const each of gone) index.delete(each);
      const left = [...first, ...come].filter((each) => !gone.includes(each));
      for (let word = 0; word < 4; word++) {
        const leads = ({ to, forwards }: FloatingIp): boolean =>
          to?.w0 === word || forwards.some((forward) => forward.to.w0 === word);
        expect(new Set(index.leadingTo(ipv4(word)))).toEqual(new Set(left.filter(leads)));
      }
    }),
  );
});

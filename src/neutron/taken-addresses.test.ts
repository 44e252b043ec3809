import fc from "fast-check";
import { expect, test } from "vitest";
import { TakenAddresses } from "./taken-addresses.ts";

test.each([0, 0x0a00_0000, 0xffff_ff00])(
  "from %d on the first that is free is what counting finds, whatever was taken and given back",
  (base) => {
    const address = fc.nat(255).map((low) => base + low);
    const steps = fc.array(fc.tuple(address, fc.boolean()), { maxLength: 300 });
    fc.assert(
      fc.property(steps, address, address, (list, low, high) => {
        const taken = new TakenAddresses();
        const known = new Set<number>();
        for (const [each, isTaken] of list) {
          if (isTaken) taken.add(each);
          else taken.delete(each);
          if (isTaken) known.add(each);
          else known.delete(each);
        }
        let expected: number | undefined;
        for (let each = high; each >= low; each--) if (!known.has(each)) expected = each;
        expect(taken.firstFree(low, high)).toBe(expected);
      }),
    );
  },
);

test("a pool that is all taken has none, up to the last address that there is", () => {
  const taken = new TakenAddresses();
  for (let address = 0xffff_ffc5; address <= 0xffff_ffff; address++) taken.add(address);
  expect(taken.firstFree(0xffff_ffc5, 0xffff_ffff)).toBeUndefined();
  taken.delete(0xffff_ffff);
  expect(taken.firstFree(0xffff_ffc5, 0xffff_ffff)).toBe(0xffff_ffff);
});

/**
 * Writes the rules of a gateway as netd does it, and then changes one floating IP after the other as an amended plan does.
 * argv: {@link Wanted} as JSON. Prints {@link Written} as JSON.
 */

import { ipv4 } from "../../src/bgp/net/address.ts";
import { Nft } from "../../src/kernel/nft/nft.ts";
import { diff, diffParts } from "../../src/nat/diff.ts";
import type { FloatingMapping } from "../../src/nat/table.ts";
import { type Shape, tableOf } from "./tables.ts";

export interface Wanted {
  readonly shape: Shape;
  readonly changes: number;
}

export interface Written {
  readonly loadSeconds: number;
  /** Of each change: from what is wanted to what the kernel has acknowledged. */
  readonly changeMilliseconds: readonly number[];
}

const { shape, changes } = JSON.parse(process.argv[2] ?? "") as Wanted;
const nft = new Nft();
const table = tableOf(shape);

function apply(text: string): void {
  const refused = nft.run(text);
  if (refused !== undefined) throw new Error(refused);
}

/** A transaction is kept in memory whole, by the library and by the kernel: a million floating IPs in one are 20 GB. */
const LINES = 1000;

const begun = performance.now();
const lines = diff(table, undefined).split("\n");
for (let i = 0; i < lines.length; i += LINES) apply(lines.slice(i, i + LINES).join("\n"));
const loadSeconds = (performance.now() - begun) / 1000;

const partOf = (mapping: FloatingMapping): Parameters<typeof diffParts>[0] => ({
  floating: [mapping],
  exempt: [],
  untracked: [],
});
const floating = [...table.floating];
const changeMilliseconds: number[] = [];
for (let i = 0; i < changes; i++) {
  const at = Math.floor((i * floating.length) / changes);
  const [held, moved] = [floating[at]!, { ...floating[at]!, fixed: ipv4(0x0a7f_0000 + i) }];
  const from = performance.now();
  apply(diffParts(partOf(held), partOf(moved)));
  changeMilliseconds.push(performance.now() - from);
  floating[at] = moved;
}

process.stdout.write(JSON.stringify({ loadSeconds, changeMilliseconds } satisfies Written));

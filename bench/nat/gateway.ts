/**
 * Writes the rules of a gateway as netd does it, and then changes one floating IP after the other. argv: {@link Wanted} as
 * JSON. Prints {@link Written} as JSON.
 */

import { ipv4 } from "../../src/bgp/net/address.ts";
import { Nft } from "../../src/kernel/nft/nft.ts";
import { diff, diffTables } from "../../src/nat/diff.ts";
import { type Shape, tableOf } from "./tables.ts";

export interface Wanted {
  readonly shape: Shape;
  readonly changes: number;
}

export interface Written {
  readonly loadSeconds: number;
  /** Of each change: to find out what differs, and until the kernel has acknowledged it. */
  readonly findMilliseconds: readonly number[];
  readonly applyMilliseconds: readonly number[];
}

const { shape, changes } = JSON.parse(process.argv[2] ?? "") as Wanted;
const nft = new Nft();
let table = tableOf(shape);

function apply(text: string): void {
  const refused = nft.run(text);
  if (refused !== undefined) throw new Error(refused);
}

const begun = performance.now();
apply(diff(table, undefined));
const loadSeconds = (performance.now() - begun) / 1000;

const findMilliseconds: number[] = [];
const applyMilliseconds: number[] = [];
for (let i = 0; i < changes; i++) {
  const at = Math.floor((i * table.floating.length) / changes);
  const moved = { ...table.floating[at]!, fixed: ipv4(0x0a7f_0000 + i) };
  const wanted = { ...table, floating: table.floating.with(at, moved) };
  const from = performance.now();
  const text = diffTables(table, wanted);
  const found = performance.now();
  apply(text);
  findMilliseconds.push(found - from);
  applyMilliseconds.push(performance.now() - found);
  table = wanted;
}

process.stdout.write(JSON.stringify({ loadSeconds, findMilliseconds, applyMilliseconds } satisfies Written));

// nftables as netd speaks it: a line of JSON is a text to apply, or null to list our table; a line is the answer.
import { createInterface } from "node:readline";
import { Nft } from "../../dist/src/kernel/nft/nft.js";

const nft = new Nft();
for await (const line of createInterface(process.stdin)) {
  const text = JSON.parse(line);
  const answer = text === null ? { listing: nft.list() } : { failed: nft.run(text) };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

/** Two network namespaces with a link between them: the daemon under test in one, the load in the other. */

import { execFileSync, spawnSync } from "node:child_process";
import { DAEMON_ADDRESS } from "./blast.ts";

export class Pair {
  readonly dut: string = `bench-${process.pid}-dut`;
  readonly load: string = `bench-${process.pid}-load`;

  /** @param addresses - of the load, beside the daemon's in one /16 */
  connect(addresses: readonly string[]): void {
    this.remove();
    const ip = (...words: string[]): unknown => execFileSync("ip", words);
    for (const name of [this.dut, this.load]) {
      ip("netns", "add", name);
      ip("-n", name, "link", "set", "lo", "up");
    }
    ip("-n", this.dut, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", this.load);
    ip("-n", this.dut, "address", "add", `${DAEMON_ADDRESS}/16`, "dev", "veth0");
    ip("-n", this.dut, "address", "add", "fd00:9::1/64", "dev", "veth0", "nodad");
    for (const address of addresses) ip("-n", this.load, "address", "add", `${address}/16`, "dev", "veth0");
    for (const name of [this.dut, this.load]) ip("-n", name, "link", "set", "veth0", "up");
  }

  /** Of what runs beside the daemon; empty when there is no namespace. */
  pids(): number[] {
    const { stdout } = spawnSync("ip", ["netns", "pids", this.dut], { encoding: "utf8" });
    return stdout.split("\n").filter(Boolean).map(Number);
  }

  remove(): void {
    for (const name of [this.dut, this.load]) spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  }
}

/** The daemons that put what the two speakers tell into the kernel, each as its manual has it. */

import { chmodSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DAEMON_ADDRESS, DAEMON_ASN, HOLD_SECONDS, senderOf } from "../blast.ts";

export interface Contender {
  readonly name: string;
  /** Writes the configuration; returns the command line. @param multipath - as good paths are used together */
  prepare(directory: string, multipath: boolean): readonly string[];
}

const ROOT = resolve(import.meta.dirname, "../../..");
const SPEAKERS = [senderOf(0), senderOf(1)];

const ours: Contender = {
  name: "gatewayd",
  prepare: (directory, multipath) => {
    const config = {
      role: "gateway",
      hostname: "bench",
      bgp: {
        asn: DAEMON_ASN,
        routerId: DAEMON_ADDRESS,
        multipath: multipath ? 2 : 1,
        listen: { addresses: [DAEMON_ADDRESS] },
        peers: SPEAKERS.map((speaker) => ({
          ...speaker,
          passive: true,
          holdTime: `${HOLD_SECONDS}s`,
          import: [{ match: {}, then: "accept" }],
        })),
      },
      api: { socket: join(directory, "gatewayd.sock") },
      log: { level: "warn" },
    };
    const file = written(directory, "gateway.yaml", JSON.stringify(config));
    return [process.execPath, join(ROOT, "dist/src/daemon/gatewayd.js"), "run", file];
  },
};

const bird: Contender = {
  name: "BIRD",
  prepare: (directory, multipath) => {
    const sessions = SPEAKERS.map(
      ({ address, asn }, i) => `protocol bgp p${i} {
  local ${DAEMON_ADDRESS} as ${DAEMON_ASN}; neighbor ${address} as ${asn}; passive on; hold time ${HOLD_SECONDS};
  ipv4 { import all; export none; };
}`,
    );
    const text = `router id ${DAEMON_ADDRESS};
protocol device {}
protocol kernel { ${multipath ? "merge paths on; " : ""}ipv4 { import none; export all; }; }
${sessions.join("\n")}
`;
    const file = written(directory, "bird.conf", text);
    return ["/usr/sbin/bird", "-f", "-c", file, "-s", join(directory, "bird.ctl")];
  },
};

export const CONTENDERS: readonly Contender[] = [ours, bird];

function written(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, 0o600);
  return path;
}

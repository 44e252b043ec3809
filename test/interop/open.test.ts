/** OPENs of more than 255 octets of capabilities, in the format of RFC 9072, to daemons that know it. */

import { execFileSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { bird } from "./daemons/bird.ts";
import type { Daemon } from "./daemons/daemon.ts";
import { frr } from "./daemons/frr.ts";
import { missing, namespacePair, type Pair, THEM, US } from "./namespaces.ts";
import { buildLibrary } from "./our-speaker.ts";

const lacking = missing([...bird.programs, ...frr.programs]);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

const OURS = 65000;
const THEIRS = 65001;

/**
 * Dials until somebody answers, says an OPEN with 3 x 202 octets of capabilities that nobody knows, and prints the types
 * of what is answered, until there is a KEEPALIVE or a NOTIFICATION.
 */
const scriptOf = (library: string): string => `
  import { connect } from "node:net";
  const { encodeOpen } = await import("${new URL("wire/open.js", pathToFileURL(library)).href}");
  const capabilities = [
    { is: "multiprotocol", afi: 1, safi: 1 },
    { is: "four-octet-as", asn: ${OURS} },
    ...[201, 202, 203].map((code) => ({ is: "unknown", code, value: new Uint8Array(200).fill(code) })),
  ];
  const open = encodeOpen({ asn: ${OURS}, holdSeconds: 90, routerId: 0x0a4d0001, capabilities });
  const types = [];
  let octets = Buffer.alloc(0);
  function dial() {
    const socket = connect({ host: "${THEM.v4}", port: 179, localAddress: "${US.v4}" });
    socket.on("connect", () => socket.write(open));
    socket.on("error", () => undefined);
    socket.on("close", () => setTimeout(dial, 100));
    socket.on("data", (more) => {
      octets = Buffer.concat([octets, more]);
      while (octets.length >= 19 && octets.length >= octets.readUInt16BE(16)) {
        types.push(octets[18]);
        octets = octets.subarray(octets.readUInt16BE(16));
      }
      if (types.includes(3) || types.includes(4)) {
        console.log(JSON.stringify({ format: [...open.subarray(28, 30)], octets: open.length, types }));
        process.exit();
      }
    });
  }
  dial();`;

describe.skipIf(lacking !== undefined)(
  `an OPEN that needs RFC 9072${lacking === undefined ? "" : ` (skipped: needs ${lacking})`}`,
  () => {
    let pair: Pair | undefined;
    let them: Daemon | undefined;
    let library = "";
    beforeAll(() => {
      library = buildLibrary();
    }, 300_000);
    afterEach(async () => {
      await them?.stop();
      pair?.remove();
    });

    test.each([bird, frr])(
      "$name takes it",
      async (kind) => {
        pair = namespacePair();
        them = await kind.start({
          namespace: pair.them,
          asn: THEIRS,
          ourAsn: OURS,
          transport: "v4",
          passive: true,
          routes: [],
          gracefulRestart: false,
        });
        const script = scriptOf(library);
        const words = ["netns", "exec", pair.us, process.execPath, "--input-type=module", "-e", script];
        const said = execFileSync("ip", words, { encoding: "utf8", timeout: 60_000 });
        // OPEN and KEEPALIVE, and no NOTIFICATION.
        expect(JSON.parse(said)).toMatchObject({ format: [255, 255], types: [1, 4] });
        expect(JSON.parse(said).octets).toBeGreaterThan(600);
      },
      120_000,
    );
  },
);

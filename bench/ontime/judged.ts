/**
 * A sender, a receiver and an RPKI cache in one process: `node judged.js '{…}'` writes "there" when the receiver knows all
 * that the sender told. On SIGUSR1 the cache, which had nothing, says that nobody may originate any of it; when the receiver
 * has been told all of it again, the milliseconds that took are written.
 */

import { createServer, type Socket } from "node:net";
import { DAEMON_ADDRESS, HOLD_SECONDS, receiverOf, senderOf } from "../blast.ts";
import { announcements, type PrefixPlan } from "../load.ts";
import { Session } from "../session.ts";

export interface JudgedSettings {
  readonly plan: PrefixPlan;
  /** Of the cache; port 323. */
  readonly address: string;
  readonly vrps: number;
}

const VERSION = 1;
const SESSION_ID = 7;
const LOOK_MS = 5;
const QUIET_MS = 1500;
/** RFC 8210 §5: the types of PDUs. */
const PDU = { notify: 0, serialQuery: 1, resetQuery: 2, response: 3, ipv4Prefix: 4, endOfData: 7 } as const;

const { plan, address, vrps } = JSON.parse(process.argv[2] ?? "") as JudgedSettings;
const common = { plan, remote: DAEMON_ADDRESS, holdSeconds: HOLD_SECONDS };
const sender = new Session({ ...common, ...senderOf(0), counts: false });
const receiver = new Session({ ...common, ...receiverOf(0), counts: true });
const word = prefixes();
let asking: Socket | undefined;

createServer((socket) => {
  asking = socket;
  socket.on("error", () => undefined);
  socket.on("data", (octets) => {
    if (octets[1] === PDU.resetQuery) socket.write(Buffer.concat([response(), endOfData(1)]));
    else if (octets[1] === PDU.serialQuery) socket.write(Buffer.concat([response(), word, endOfData(2)]));
  });
}).listen(323, address);

await until(() => sender.established && receiver.established && asking !== undefined);
await sender.send(announcements(plan, { ...senderOf(0), index: 0, nextHop: Uint8Array.of(10, 9, 0, 10) }));
await until(() => receiver.known === plan.count && performance.now() - receiver.heardAtMs > QUIET_MS);
process.stdout.write("there\n");

process.on("SIGUSR1", () => {
  const beganMs = performance.now();
  const heard = receiver.heard + plan.count;
  asking?.write(pdu(PDU.notify, 2));
  void until(() => receiver.heard >= heard).then(() => {
    process.stdout.write(`${receiver.heardAtMs - beganMs}\n`);
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((done) => setTimeout(done, LOOK_MS));
}

function response(): Buffer {
  return Buffer.from([VERSION, PDU.response, 0, SESSION_ID, 0, 0, 0, 8]);
}

function pdu(type: number, serial: number): Buffer {
  const octets = Buffer.from([VERSION, type, 0, SESSION_ID, 0, 0, 0, 12, 0, 0, 0, 0]);
  octets.writeUInt32BE(serial, 8);
  return octets;
}

/** Refresh, retry and expiry as RFC 8210 §6 recommends. */
function endOfData(serial: number): Buffer {
  const octets = Buffer.alloc(24);
  octets.set([VERSION, PDU.endOfData, 0, SESSION_ID, 0, 0, 0, 24]);
  for (const [i, value] of [serial, 3600, 600, 7200].entries()) octets.writeUInt32BE(value, 8 + 4 * i);
  return octets;
}

/** AS 0 for the load's prefixes (load.ts) by four, and for others behind them. */
function prefixes(): Buffer {
  const octets = Buffer.alloc(vrps * 20);
  for (let i = 0; i < vrps; i++) {
    octets.set([VERSION, PDU.ipv4Prefix, 0, 0, 0, 0, 0, 20, 1, 30, 32], i * 20);
    octets.writeUInt32BE(0x1400_0000 + 4 * i, i * 20 + 12);
  }
  return octets;
}

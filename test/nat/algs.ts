/**
 * What each application-level gateway of the kernel reads: messages of control connections that name the address and the port of
 * who sends them, and what they are outside. Octets as the protocols' specifications have them.
 */

import type { Endpoint } from "./two-hosts.ts";

export interface Control {
  readonly protocol: "tcp" | "udp";
  /** Of the server. */
  readonly port: number;
  /** What an endpoint says, each after an answer; and what is heard of it where it has another one. */
  says(own: Endpoint): readonly Buffer[];
  /** The same, where that is not what the other one would say. */
  heard?(external: Endpoint): readonly Buffer[];
  readonly answers: readonly Buffer[];
}

const numberOf = (address: string): number =>
  address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);

const octets = (hex: string, length = 0): Buffer => {
  const start = Buffer.from(hex.replaceAll(" ", ""), "hex");
  return Buffer.concat([start, Buffer.alloc(Math.max(0, length - start.length))]);
};

const word = (value: number, length: number): string => value.toString(16).padStart(2 * length, "0");

/** DCC, in a message of RFC 1459. The port is where the file can be fetched. */
const irc: Control = {
  ...{ protocol: "tcp", port: 6667, answers: [] },
  says: ([address, port]) => [
    Buffer.from(`PRIVMSG you :\u0001DCC SEND file ${numberOf(address)} ${port} 10\u0001\r\n`),
  ],
};

/** RFC 3261. */
const sip: Control = {
  ...{ protocol: "udp", port: 5060, answers: [] },
  says: ([address, port]) => [
    Buffer.from(
      [
        "REGISTER sip:example.org SIP/2.0",
        `Via: SIP/2.0/UDP ${address}:${port};branch=z9hG4bK1`,
        "From: <sip:a@example.org>;tag=1",
        "To: <sip:a@example.org>",
        "Call-ID: 1",
        "CSeq: 1 REGISTER",
        `Contact: <sip:a@${address}:${port}>`,
        "Expires: 60",
        "Content-Length: 0",
        "\r\n",
      ].join("\r\n"),
    ),
  ],
};

/** RFC 2637: Start-Control-Connection-Request and Outgoing-Call-Request. */
const calls = (callId: number): Buffer[] => [
  octets("009c 0001 1a2b3c4d 0001 0000 0100", 156),
  octets(`00a8 0001 1a2b3c4d 0007 0000 ${word(callId, 2)}`, 168),
];

/** Outside, the call has the number of the control connection's port. */
const pptp: Control = {
  ...{ protocol: "tcp", port: 1723 },
  says: () => calls(7),
  heard: ([, port]) => calls(port),
  answers: [
    octets("009c 0001 1a2b3c4d 0002 0000 0100 01 00", 156),
    octets("0020 0001 1a2b3c4d 0008 0000", 32),
  ],
};

/** H.225.0: a GatekeeperRequest with the address for its answers, in PER: no options, an endpoint of no kind. */
const h323: Control = {
  ...{ protocol: "udp", port: 1719, answers: [] },
  says: ([address, port]) => [
    octets(`0000 0000 06 0008914a0004 00 ${word(numberOf(address), 4)} ${word(port, 2)} 0000`),
  ],
};

export const CONTROLS: Readonly<Record<"h323" | "irc" | "pptp" | "sip", Control>> = { h323, irc, pptp, sip };

interface Transfer {
  /** Where files are asked for; they come from another port. */
  readonly port: number;
  readonly request: Buffer;
  readonly data: Buffer;
}

/** RFC 1350. */
export const TFTP: Transfer = {
  port: 69,
  request: octets("0001 66696c65 00 6f63746574 00"),
  data: octets("0003 0001"),
};

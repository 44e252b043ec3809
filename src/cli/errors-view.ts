/** Messages of a peer that were wrong: when, what that cost, why, and the octets as they came. */

import type { PeerErrorAnswer } from "../api/schema.ts";
import type { Look } from "./table.ts";
import { printable } from "./text.ts";

/** Octets of a message that are shown where not all is asked for: few sane ones are longer. */
const SHOWN_OCTETS = 512;
const PER_LINE = 16;

export function errorsDetail(errors: readonly PeerErrorAnswer[], look: Look): string {
  if (errors.length === 0) return "no message of this peer was wrong\n";
  return errors.map((error) => oneError(error, look)).join("\n");
}

function oneError({ at, message, reaction, faults, octets }: PeerErrorAnswer, { wide }: Look): string {
  const count = octets.length / 2;
  const shown = wide ? count : Math.min(count, SHOWN_OCTETS);
  const lines = [
    `${at}  ${message} of ${count} octets: ${reaction}`,
    ...faults.map(faultText),
    ...hexLines(octets.slice(0, shown * 2)),
    ...(shown < count ? [`  … ${count - shown} more; -o wide and -o json have all`] : []),
  ];
  return lines.map((line) => `${printable(line)}\n`).join("");
}

function faultText({ reaction, text, rfc, attribute }: PeerErrorAnswer["faults"][number]): string {
  const which = attribute === undefined ? "" : `attribute ${attribute}, `;
  return `  ${text} (${which}${rfc}: ${reaction})`;
}

/** Place, sixteen octets, and what they are as ASCII. */
function* hexLines(hex: string): Generator<string> {
  const octets = hex.match(/[0-9a-f]{2}/g) ?? [];
  for (let at = 0; at < octets.length; at += PER_LINE) {
    const line = octets.slice(at, at + PER_LINE);
    const place = at.toString(16).padStart(4, "0");
    yield `  ${place}  ${line.join(" ").padEnd(PER_LINE * 3 - 1)}  ${line.map(asciiOf).join("")}`;
  }
}

/** A backslash would be doubled on the screen, and columns shift. */
function asciiOf(octet: string): string {
  const code = Number.parseInt(octet, 16);
  return code > 0x20 && code < 0x7f && code !== 0x5c ? String.fromCharCode(code) : ".";
}

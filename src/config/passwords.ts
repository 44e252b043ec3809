/** Passwords of peers (RFC 2385), from the files that gateway.yaml names: what may stand in one, and who gets it. */

import type { BgpSettings, Peer } from "../model/model.ts";
import { error, type Violation, warning } from "../model/violation.ts";

/** What a file says, or why it says nothing. `mode`: its permissions. */
export type PasswordRead =
  | { readonly text: string; readonly mode: number }
  | { readonly message: string; readonly hint: string };

/** tcp(7): TCP_MD5SIG_MAXKEYLEN. */
const PASSWORD_OCTETS = 80;

/** The owner may read and write, the group read: what goes beyond lets others read a password, or change it. */
const EXPECTED_MODE = 0o640;

/** The peers with the passwords of their files. Each file is read once. */
export function withPasswords(
  bgp: BgpSettings,
  read: (path: string) => PasswordRead,
): { readonly bgp: BgpSettings; readonly faults: readonly Violation[] } {
  const known = new Map<string, PasswordRead>();
  const faults: Violation[] = [];
  const peers = bgp.peers.map((peer, i): Peer => {
    const { passwordFile } = peer;
    if (passwordFile === undefined) return peer;
    const held = known.get(passwordFile) ?? read(passwordFile);
    known.set(passwordFile, held);
    const path = ["bgp", "peers", i, "passwordFile"];
    faults.push(...faultsOf(held, passwordFile, path));
    return { ...peer, password: "text" in held ? held.text.trim() : undefined };
  });
  return { bgp: { ...bgp, peers }, faults };
}

function faultsOf(read: PasswordRead, file: string, path: Violation["path"]): Violation[] {
  if ("message" in read) return [error(path, `${file}: ${read.message}`, read.hint)];
  const password = read.text.trim();
  if (password === "")
    return [error(path, `${file} is empty`, "write the password into it, and nothing else")];
  if (new TextEncoder().encode(password).length > PASSWORD_OCTETS) {
    return [
      error(path, `${file}: a password has at most ${PASSWORD_OCTETS} octets`, "TCP-MD5 takes no more"),
    ];
  }
  if (/\p{Cc}|\ufffd/u.test(password)) {
    return [
      error(path, `${file}: a password is one line of text`, "write the password into it, and nothing else"),
    ];
  }
  if ((read.mode & ~EXPECTED_MODE & 0o777) === 0) return [];
  const mode = (read.mode & 0o777).toString(8).padStart(4, "0");
  return [warning(path, `${file} has mode ${mode}: others can read or change it`, `chmod 0640 ${file}`)];
}

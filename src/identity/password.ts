/** Passwords as scrypt leaves them (RFC 7914): `scrypt:N:r:p:salt:key`, the last two in base64. */

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** 32 MiB and some 50 ms of one processor for each guess. */
const COST = { N: 32_768, r: 8, p: 1 } as const;
const SALT_OCTETS = 16;
const KEY_OCTETS = 32;

/** More than what {@link COST} takes; a file that asks for more than this is refused by scrypt. */
const MEMORY_OCTETS = 256 * 1024 * 1024;

const PASSWORD_OCTETS = 1024;

/** @throws RangeError when it is empty or has more than {@link PASSWORD_OCTETS} */
export async function hashPassword(password: string): Promise<string> {
  const octets = Buffer.byteLength(password);
  if (octets === 0 || octets > PASSWORD_OCTETS) {
    throw new RangeError(`a password has 1 to ${PASSWORD_OCTETS} octets`);
  }
  const salt = randomBytes(SALT_OCTETS);
  const key = await derive(password, salt, COST);
  const { N, r, p } = COST;
  return ["scrypt", N, r, p, salt.toString("base64"), key.toString("base64")].join(":");
}

/** Takes as long for a wrong password as for the right one. */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  if (Buffer.byteLength(password) > PASSWORD_OCTETS) return false;
  const [, N, r, p, salt = "", key = ""] = stored.split(":");
  const wanted = Buffer.from(key, "base64");
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const found = await derive(password, Buffer.from(salt, "base64"), cost);
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

/** Of nobody: checked for names that are not there, so that time tells nobody which are. */
export const NOBODYS: string = [
  ...["scrypt", COST.N, COST.r, COST.p],
  ...[Buffer.alloc(SALT_OCTETS).toString("base64"), Buffer.alloc(KEY_OCTETS).toString("base64")],
].join(":");

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

function derive(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFC"), salt, KEY_OCTETS, { ...cost, maxmem: MEMORY_OCTETS }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

/** The certificate that the API shows, and its key: read from PEM files, and again when they change. */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { TlsSettings } from "../config/settings.ts";
import { error, type Violation, warning } from "../model/violation.ts";
import type { Log } from "./records/log.ts";

/** PEM. */
interface Certificate {
  readonly cert: string;
  readonly key: string;
}

type Key = keyof TlsSettings;
const PATHS = {
  certFile: ["api", "tls", "certFile"],
  keyFile: ["api", "tls", "keyFile"],
} as const satisfies Record<Key, Violation["path"]>;

/** A file of a certificate has a few KiB; one that is no such file is not read to its end. */
const FILE_OCTETS = 1024 * 1024;

/** The owner may read and write, the group read: what goes beyond lets others have the key. */
const KEY_MODE = 0o640;

/** What `files` hold; without a certificate when there is an error among `faults`. */
export function readCertificate(
  { certFile, keyFile }: TlsSettings,
  nowMs: number,
): { readonly certificate: Certificate | undefined; readonly faults: readonly Violation[] } {
  const cert = readText("certFile", certFile);
  const key = readText("keyFile", keyFile);
  if (!("text" in cert) || !("text" in key)) {
    return { certificate: undefined, faults: [cert, key].filter((read) => "message" in read) };
  }
  const faults = [
    ...certificateFaults(certFile, cert.text, nowMs),
    ...keyFaults({ certFile, keyFile }, cert.text, key),
  ];
  const isBad = faults.some(({ severity }) => severity === "error");
  return { certificate: isBad ? undefined : { cert: cert.text, key: key.text }, faults };
}

interface Read {
  readonly text: string;
  readonly mode: number;
}

function readText(key: Key, path: string): Read | Violation {
  const refuse = (message: string, hint: string): Violation => error(PATHS[key], `${path}: ${message}`, hint);
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return refuse("this is no regular file", "name the PEM file itself");
    if (stats.size > FILE_OCTETS)
      return refuse("this is no PEM file: it is too large", "name the PEM file itself");
    return { text: readFileSync(path, "utf8"), mode: stats.mode & 0o777 };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return refuse("there is no such file", "is the path right?");
    if (code === "EACCES") {
      return refuse("permission denied", "the user that gatewayd runs as must be able to read it");
    }
    return refuse(message, "is the path right, and the disk?");
  }
}

function* certificateFaults(path: string, cert: string, nowMs: number): Generator<Violation> {
  const read = certificateOf(cert);
  if (read === undefined) {
    const hint = "it begins with -----BEGIN CERTIFICATE-----, and ours comes first";
    yield error(PATHS.certFile, `${path}: this is no certificate in PEM`, hint);
    return;
  }
  if (Date.parse(read.validTo) <= nowMs) {
    yield warning(
      PATHS.certFile,
      `${path}: the certificate ended on ${read.validTo}`,
      "clients refuse it; get a new one",
    );
  } else if (Date.parse(read.validFrom) > nowMs) {
    yield warning(
      PATHS.certFile,
      `${path}: the certificate begins on ${read.validFrom}`,
      "is the clock right?",
    );
  }
}

function* keyFaults(
  { certFile, keyFile }: TlsSettings,
  cert: string,
  { text: key, mode }: Read,
): Generator<Violation> {
  const secret = keyOf(key);
  if (typeof secret === "string") {
    yield error(PATHS.keyFile, `${keyFile}: ${secret}`, "it is PEM, without a passphrase");
    return;
  }
  const owner = certificateOf(cert);
  if (owner === undefined) return;
  if (!owner.checkPrivateKey(secret)) {
    const hint = "both files have to be replaced together";
    yield error(PATHS.keyFile, `${keyFile}: this key is not the one of ${certFile}`, hint);
    return;
  }
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    yield error(
      PATHS.certFile,
      `${certFile}: OpenSSL refuses it: ${(cause as Error).message}`,
      "get a new one",
    );
  }
  if ((mode & ~KEY_MODE) !== 0) {
    const octal = mode.toString(8).padStart(4, "0");
    yield warning(
      PATHS.keyFile,
      `${keyFile} has mode ${octal}: others can read or change it`,
      `chmod 0640 ${keyFile}`,
    );
  }
}

function certificateOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** The key, or why it is none. */
function keyOf(pem: string): KeyObject | string {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    return code === "ERR_MISSING_PASSPHRASE" ? "this key has a passphrase" : "this is no key in PEM";
  }
}

/** When and what the files were; the same text means that nothing was written since. Links are followed. */
const stampOf = ({ certFile, keyFile }: TlsSettings): string => [certFile, keyFile].map(stampOfFile).join();

function stampOfFile(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch {
    // Whoever reads it says why.
    return "";
  }
}

/** How often the files are looked at. */
const LOOK_MS = 10_000;

/** Keeps the API's certificate that of the files. What is in use stays until they are right. */
export class CertificateFiles {
  readonly first: Certificate;
  readonly #files: TlsSettings;
  readonly #log: Log;
  #stamp: string;
  #take: (certificate: Certificate) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @throws Error when they cannot be used */
  constructor(files: TlsSettings, log: Log) {
    this.#files = files;
    this.#log = log;
    this.#stamp = stampOf(files);
    const { certificate, faults } = readCertificate(files, Date.now());
    if (certificate === undefined) throw new Error(faults.map(({ message }) => message).join("; "));
    this.first = certificate;
  }

  follow(take: (certificate: Certificate) => void): void {
    this.#take = take;
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Reads them when they are not what they were at the last look. */
  look(): void {
    const stamp = stampOf(this.#files);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    const { certificate, faults } = readCertificate(this.#files, Date.now());
    for (const { severity, message } of faults) {
      if (severity === "error") this.#log.error({ event: "api.certificate.refused" }, message);
      else this.#log.warn({ event: "api.certificate.doubtful" }, message);
    }
    if (certificate === undefined) return;
    const { validTo, subject } = new X509Certificate(certificate.cert);
    const facts = { event: "api.certificate.loaded", subject, until: new Date(validTo).toISOString() };
    this.#log.info(facts, "new connections are shown this certificate");
    this.#take(certificate);
  }
}

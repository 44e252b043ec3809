/** A certificate authority of OpenSSL, for tests that need certificates of their own. */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"] as const;

const openssl = (...args: readonly string[]): void => void execFileSync("openssl", args, { stdio: "pipe" });

export interface Issued {
  readonly certFile: string;
  readonly keyFile: string;
}

export class Authority {
  readonly caFile: string;
  /** Its own certificate, in PEM. */
  readonly ca: string;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.caFile = this.#at("ca.pem");
    const subject = ["-subj", "/CN=an authority", "-days", "2"];
    openssl("req", "-x509", ...KEY, "-keyout", this.#at("ca.key"), "-out", this.caFile, ...subject);
    this.ca = readFileSync(this.caFile, "utf8");
  }

  /** @param names - subject alternative names, such as "IP:127.0.0.1" */
  issue(name: string, names: string, days = 2): Issued {
    const issued = { certFile: this.#at(`${name}.pem`), keyFile: this.#at(`${name}.key`) };
    const request = this.#at(`${name}.request`);
    openssl("req", ...KEY, "-keyout", issued.keyFile, "-out", request, "-subj", `/CN=${name}`);
    const extensions = this.#at(`${name}.extensions`);
    writeFileSync(extensions, `subjectAltName=${names}\n`);
    const signed = [
      "-CA",
      this.caFile,
      "-CAkey",
      this.#at("ca.key"),
      "-CAcreateserial",
      "-extfile",
      extensions,
    ];
    openssl("x509", "-req", "-in", request, ...signed, "-out", issued.certFile, "-days", String(days));
    return issued;
  }

  #at(name: string): string {
    return join(this.#folder, name);
  }
}

/** One health check of one anycast member, over a real socket. */

import { get } from "node:http";
import { connect } from "node:net";
import type { Address } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { HealthCheck } from "../model/model.ts";

export type ProbeResult = { readonly ok: true } | { readonly ok: false; readonly error: string };

/** Checks once. Never rejects; ends within `check.timeoutMs`. */
export function probe(member: Address, check: HealthCheck): Promise<ProbeResult> {
  return check.type === "tcp" ? probeTcp(member, check) : probeHttp(member, check);
}

/** Good when the connection is accepted. */
function probeTcp(member: Address, check: HealthCheck): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host: formatAddress(member), port: check.port });
    const end = (result: ProbeResult): void => {
      socket.destroy();
      resolve(result);
    };
    // The socket's own timeout counts idleness, which a connection attempt resets at will; this one does not move.
    const timer = setTimeout(() => end({ ok: false, error: timedOut(check) }), check.timeoutMs);
    socket.once("close", () => clearTimeout(timer));
    socket.once("connect", () => end({ ok: true }));
    socket.once("error", (error) => end({ ok: false, error: error.message }));
  });
}

/** Good when the answer is 2xx or 3xx; the body is not read. */
function probeHttp(member: Address, check: HealthCheck): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const host = formatAddress(member);
    const request = get({ host, port: check.port, path: check.path, agent: false }, (response) => {
      const status = response.statusCode ?? 0;
      end(status >= 200 && status < 400 ? { ok: true } : { ok: false, error: `HTTP status ${status}` });
    });
    const end = (result: ProbeResult): void => {
      request.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => end({ ok: false, error: timedOut(check) }), check.timeoutMs);
    request.once("close", () => clearTimeout(timer));
    request.once("error", (error) => end({ ok: false, error: error.message }));
  });
}

const timedOut = (check: HealthCheck): string => `no answer within ${check.timeoutMs} ms`;

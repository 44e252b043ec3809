/** HTTP to gatewayd: over its unix socket, or to a URL. */

import { readFileSync, statSync } from "node:fs";
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from "node:http";
import { request as secureRequest } from "node:https";
import type { ErrorAnswer } from "../api/schema.ts";
import { EXIT, Failure } from "./io.ts";
import { failureOf, neutronFaultOf, strangerFailure } from "./objects/hints.ts";

export type Target = ({ readonly socketPath: string } | UrlTarget) & {
  /** Proves who asks, where that is asked for (OpenStack's X-Auth-Token). */
  readonly token?: string;
};

interface UrlTarget {
  readonly url: URL;
  /** Of https: who signed its certificate, in PEM; undefined: one that this machine knows. */
  readonly ca?: string;
}

export interface Answer {
  /** As it came. */
  readonly text: string;
  readonly json: unknown;
  /** What gatewayd says beside it: what of an object does nothing. */
  readonly notes: readonly string[];
  /** Path of the page behind this one. */
  readonly next: string | undefined;
}

export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Longer than gatewayd takes for its longest answer. */
const TIMEOUT_MS = 30_000;

/** @throws Failure - unreachable, refused, or not gatewayd */
export const get = (target: Target, path: string, signal: AbortSignal): Promise<Answer> =>
  call(target, { method: "GET", path }, signal);

/** @throws Failure - as {@link get} */
export const post = (target: Target, path: string, signal: AbortSignal): Promise<Answer> =>
  call(target, { method: "POST", path }, signal);

/** @throws Failure - as {@link get} */
export async function call(target: Target, request: Request, signal: AbortSignal): Promise<Answer> {
  const { incoming, text } = await exchange(target, request, signal);
  // An answer without a body has nothing to say but its status.
  const json = text === "" ? undefined : parse(text, target);
  if (!isGood(incoming)) throw refusal(json, incoming, target);
  const { link } = incoming.headers;
  const notes = incoming.headersDistinct["x-gatewayd-note"] ?? [];
  return { text, json, notes, next: /^<([^>]+)>; rel="next"$/.exec(String(link))?.[1] };
}

const isGood = ({ statusCode = 0 }: IncomingMessage): boolean => statusCode >= 200 && statusCode < 300;

const nameOf = (target: Target): string => ("url" in target ? target.url.origin : target.socketPath);

/** Hands the octets of an answer on as they come. @throws Failure - unreachable, refused, or cut off */
export async function* download(target: Target, path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const headers = { accept: "application/octet-stream" };
  const incoming = await ask(target, { method: "GET", path, headers }, signal);
  if (!isGood(incoming)) {
    throw refusal(parse(await textOf(incoming, target, signal), target), incoming, target);
  }
  yield* octetsOf(incoming, target, signal);
}

/** @throws Failure - unreachable or cut off */
export async function exchange(
  target: Target,
  request: Request,
  signal: AbortSignal,
): Promise<{ incoming: IncomingMessage; text: string }> {
  const incoming = await ask(target, request, signal);
  return { incoming, text: await textOf(incoming, target, signal) };
}

async function textOf(incoming: IncomingMessage, target: Target, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of octetsOf(incoming, target, signal)) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function* octetsOf(
  incoming: IncomingMessage,
  target: Target,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of incoming) yield chunk as Buffer;
  } catch (error) {
    throw lossOf(target, signal, error as NodeJS.ErrnoException);
  }
}

/** Resolves when the headers of the answer are there. */
function ask(target: Target, wanted: Request, signal: AbortSignal): Promise<IncomingMessage> {
  const body = wanted.body === undefined ? "" : JSON.stringify(wanted.body);
  const headers = {
    accept: "application/json",
    ...(body !== "" && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    ...(target.token !== undefined && { "x-auth-token": target.token }),
    ...wanted.headers,
  };
  return new Promise((resolve, reject) => {
    const options = { method: wanted.method, path: wanted.path, signal, agent: false, headers } as const;
    const asked =
      "url" in target
        ? requestAt(target, options)
        : request({ ...options, socketPath: target.socketPath, host: "localhost" });
    asked.setTimeout(TIMEOUT_MS, () => {
      asked.destroy(
        Object.assign(new Error(`no answer within ${TIMEOUT_MS / 1000} s`), { code: "ETIMEDOUT" }),
      );
    });
    asked.on("error", (error: NodeJS.ErrnoException) => reject(lossOf(target, signal, error)));
    asked.on("response", resolve);
    asked.end(body);
  });
}

const requestAt = ({ url, ca }: UrlTarget, options: RequestOptions): ClientRequest =>
  url.protocol === "https:"
    ? secureRequest(url, ca === undefined ? options : { ...options, ca })
    : request(url, options);

const lossOf = (target: Target, signal: AbortSignal, error: NodeJS.ErrnoException): Failure =>
  signal.aborted ? new Failure(EXIT.interrupted, "interrupted") : unreachable(target, error);

function parse(text: string, target: Target): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure(
      EXIT.error,
      `what answers at ${nameOf(target)} is not gatewayd`,
      "see --socket and --url",
    );
  }
}

/** Refusals that are no plain error here; the API's own hints speak of HTTP. */
const REFUSALS: Readonly<Record<string, Failure["detail"]>> = {
  "request.invalid": { exit: EXIT.usage },
  "object.unknown": {
    exit: EXIT.notFound,
    hint: "gwctl pool list and gwctl anycast list show what there is",
  },
  "explain.unknown": {
    exit: EXIT.notFound,
    hint: "gwctl nat trace SOURCE ADDRESS tells what becomes of packets there, gwctl show route ADDRESS which route they take",
  },
  "peer.unknown": { exit: EXIT.notFound, hint: "gwctl show peers lists them" },
};

function refusal(json: unknown, incoming: IncomingMessage, target: Target): Failure {
  const fault = neutronFaultOf(json);
  if (fault !== undefined) return failureOf(fault, incoming.statusCode ?? 500);
  const error = (json as Partial<ErrorAnswer> | null)?.error;
  if (typeof error?.message !== "string") {
    return new Failure(EXIT.error, `${nameOf(target)} answered ${incoming.statusCode} without a reason`);
  }
  if (incoming.statusCode === 401) return strangerFailure(error.message);
  if (error.code === "object.invalid") return new Failure(EXIT.usage, error.message, error.hint);
  const { exit, hint } = REFUSALS[error.code] ?? { exit: EXIT.error, hint: error.hint };
  return new Failure(exit, error.message, hint);
}

function unreachable(target: Target, error: NodeJS.ErrnoException): Failure {
  const where = nameOf(target);
  const words = WORDS[error.code ?? ""] ?? error.message;
  return new Failure(
    EXIT.unreachable,
    `gatewayd cannot be reached at ${where}: ${words}`,
    hintOf(target, error),
  );
}

function hintOf(target: Target, { code = "" }: NodeJS.ErrnoException): string {
  if ("url" in target) {
    return UNTRUSTED.test(code)
      ? "--os-cacert FILE or OS_CACERT names who signed its certificate, in PEM; the URL has a name or address of it"
      : "is gatewayd running, and does `api.listen` say so? Where `api.tls` is set, it is https://";
  }
  if (code === "EACCES") return permissionHint(target.socketPath);
  return "is gatewayd running? If its socket is elsewhere, say so with --socket PATH or GWCTL_SOCKET";
}

/** What OpenSSL and Node call a certificate that they do not believe. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/;

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket",
  ECONNREFUSED: "nobody listens there",
  EACCES: "permission denied",
  ECONNRESET: "the connection was closed",
  ENOTFOUND: "no such host",
};

function permissionHint(socketPath: string): string {
  const group = groupOf(socketPath);
  return group === undefined || group === "root"
    ? "run gwctl as root"
    : `run gwctl as root, or join the group of the socket: usermod -aG ${group} USER`;
}

/** The name of the group that owns a file; undefined when the directory cannot be entered. */
function groupOf(path: string): string | undefined {
  try {
    const { gid } = statSync(path);
    const lines = readFileSync("/etc/group", "utf8").split("\n");
    return lines.find((line) => line.split(":")[2] === String(gid))?.split(":")[0] ?? String(gid);
  } catch {
    return undefined;
  }
}

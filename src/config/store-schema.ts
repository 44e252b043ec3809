/** Where the objects live that are made through the API. */

import type { z } from "zod";
import { absolutePath, choice, list, mapping, text } from "./scalars.ts";
import { type ApiSettings, DEFAULT_SOCKET, type StoreSettings } from "./settings.ts";

/** Members of one etcd cluster; more than seven are of no use, and some are left while others are added. */
export const ENDPOINTS = 16;

const STORE_PATH = "/var/lib/gatewayd";

/**
 * What lies on this machine's disk where the file does not say it: all of it without `store`, a copy with etcd. A gateway with a socket of its own is a second one, or one to
 * try things with; it neither waits for the directory of the first nor needs the right to make one.
 */
export function storeOf(
  given: StoreSettings | undefined,
  { socket }: Pick<ApiSettings, "socket">,
): StoreSettings {
  const isFirst = socket === DEFAULT_SOCKET;
  if (given === undefined) return isFirst ? { type: "local", path: STORE_PATH } : { type: "none" };
  return given.type === "etcd" && isFirst ? { ...given, path: given.path ?? STORE_PATH } : given;
}

const etcdUrl: z.ZodType<string> = text(
  {
    expected: "a URL such as https://192.0.2.1:2379",
    hint: "http or https, a host and a port, and nothing behind them",
    json: { pattern: "^https?://[^/]+/?$", examples: ["https://192.0.2.1:2379"] },
  },
  (value) => {
    if (!/^https?:\/\/[^/?#@]+\/?$/.test(value) || !URL.canParse(value)) return undefined;
    return new URL(value).origin;
  },
);

/** Without the slashes at its end, since every key begins with one. */
const etcdPrefix: z.ZodType<string> = text(
  { expected: "a prefix of keys such as /gatewayd/", json: { pattern: "^/[!-~]*$", maxLength: 128 } },
  (value) => (/^\/[!-~]{0,127}$/.test(value) ? value.replace(/\/+$/, "") : undefined),
);

const etcdUser: z.ZodType<string> = text(
  { expected: "the name of a user of etcd", json: { pattern: "^[!-~]+$", maxLength: 128 } },
  (value) => (/^[!-~]{1,128}$/.test(value) ? value : undefined),
);

interface Given {
  readonly type: StoreSettings["type"];
  readonly path?: string | undefined;
  readonly endpoints?: readonly string[] | undefined;
  readonly prefix?: string | undefined;
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly user?: string | undefined;
  readonly passwordFile?: string | undefined;
}

interface Fault {
  readonly key: keyof Given;
  readonly message: string;
  readonly hint: string;
}

export const store: z.ZodType<StoreSettings> = mapping({
  type: choice(["none", "local", "etcd"]).prefault("local").meta({
    description:
      "none: in memory, gone with the daemon. local: on this machine's disk. etcd: shared by several gateways and hosts.",
  }),
  path: absolutePath.optional().meta({
    default: STORE_PATH,
    description:
      "local: the directory, made when it is not there. etcd: that of the copy that a start without etcd begins with.",
  }),
  endpoints: list(etcdUrl)
    .min(1, { error: "at least one URL" })
    .max(ENDPOINTS, { error: `at most ${ENDPOINTS} URLs` })
    .optional()
    .meta({ description: "etcd only: the members of the cluster." }),
  prefix: etcdPrefix
    .optional()
    .meta({ default: "/gatewayd/", description: "etcd only: what every key begins with." }),
  caFile: absolutePath
    .optional()
    .meta({ description: "https only, and required there: PEM, who signed etcd's certificates." }),
  certFile: absolutePath.optional().meta({ description: "https only: PEM, our certificate." }),
  keyFile: absolutePath.optional().meta({ description: "https only: PEM, the key of our certificate." }),
  user: etcdUser
    .optional()
    .meta({ description: "etcd only, where it has users: who we are; with passwordFile." }),
  passwordFile: absolutePath
    .optional()
    .meta({ description: "etcd only: the password of user, alone in its file. https, or loopback." }),
}).transform((given, context) => {
  for (const { key, message, hint } of faultsOf(given)) {
    context.addIssue({
      code: "custom",
      path: given[key] === undefined ? [] : [key],
      message,
      params: { sentence: true, hint },
      input: given,
    });
  }
  return settingsOf(given);
});

const KEYS = {
  none: [],
  local: ["path"],
  etcd: ["path", "endpoints", "prefix", "caFile", "certFile", "keyFile", "user", "passwordFile"],
} as const satisfies Record<Given["type"], readonly (keyof Given)[]>;

function* faultsOf(given: Given): Generator<Fault> {
  const known: readonly string[] = KEYS[given.type];
  for (const key of KEYS.etcd) {
    if (given[key] === undefined || known.includes(key)) continue;
    const [of] = Object.entries(KEYS).find(([, keys]) => (keys as readonly string[]).includes(key))!;
    yield {
      key,
      message: `this store is of type ${given.type}, ${key} is of type ${of}`,
      hint: `write \`type: ${of}\`, or take it out`,
    };
  }
  if (given.type === "etcd") yield* etcdFaults(given);
}

function* etcdFaults({ endpoints, caFile, certFile, keyFile, user, passwordFile }: Given): Generator<Fault> {
  if (endpoints === undefined) {
    const hint = "write `endpoints: [https://192.0.2.1:2379]`";
    yield { key: "endpoints", message: "an etcd store needs endpoints", hint };
    return;
  }
  const secured = endpoints.filter((url) => url.startsWith("https:")).length;
  if (secured > 0 && secured < endpoints.length) {
    yield {
      key: "endpoints",
      message: "some endpoints are http, others https",
      hint: "all of them one or the other",
    };
  }
  if (secured > 0 && caFile === undefined) {
    yield {
      key: "caFile",
      message: "https needs caFile",
      hint: "the file of who signed etcd's certificates",
    };
  }
  for (const [key, path] of Object.entries({ caFile, certFile, keyFile })) {
    if (secured > 0 || path === undefined) continue;
    yield { key: key as keyof Given, message: `http has no ${key}`, hint: "write https, or take it out" };
  }
  yield* together({ certFile, keyFile });
  yield* together({ user, passwordFile });
  if (passwordFile !== undefined && !endpoints.every(isPrivate)) {
    const hint = "write https, or speak to an etcd of this machine";
    yield { key: "passwordFile", message: "http shows the password to the network", hint };
  }
}

/** Nobody reads along. */
const isPrivate = (url: string): boolean =>
  url.startsWith("https:") || /^http:\/\/(127(\.\d+){3}|\[::1\]|localhost)(:|$)/.test(url);

function* together(pair: Partial<Given>): Generator<Fault> {
  const [[one, first], [other, second]] = Object.entries(pair) as [
    [keyof Given, unknown],
    [keyof Given, unknown],
  ];
  if ((first === undefined) === (second === undefined)) return;
  const key = first === undefined ? other : one;
  yield { key, message: `${one} and ${other} go together`, hint: "name both, or neither" };
}

function settingsOf({ type, path, endpoints, prefix, ...given }: Given): StoreSettings {
  switch (type) {
    case "none":
      return { type };
    case "local":
      return { type, path: path ?? STORE_PATH };
    case "etcd": {
      const { caFile, certFile, keyFile, user, passwordFile } = given;
      const proof = { caFile, certFile, keyFile, user, passwordFile };
      return { type, endpoints: endpoints ?? [], prefix: prefix ?? "/gatewayd", ...proof, path };
    }
  }
}

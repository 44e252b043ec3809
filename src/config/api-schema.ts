/** Where the HTTP API listens, and who may use it. */

import type { z } from "zod";
import type { Address } from "../bgp/net/address.ts";
import { absolutePath, choice, endpoint, flag, mapping, socketPath } from "./scalars.ts";
import { type ApiSettings, DEFAULT_SOCKET, type TlsSettings } from "./settings.ts";

const tls: z.ZodType<TlsSettings> = mapping({
  certFile: absolutePath.meta({
    description: "PEM: our certificate, and behind it those that lead to its CA.",
  }),
  keyFile: absolutePath.meta({ description: "PEM: the key of our certificate, without a passphrase." }),
});

export const api: z.ZodType<ApiSettings> = mapping({
  listen: endpoint
    .optional()
    .meta({ description: "TCP; beyond loopback it needs `tls`. Default: only the socket." }),
  tls: tls
    .optional()
    .meta({ description: "TLS on `listen` and `metricsListen`; read again when the files change." }),
  metricsListen: endpoint
    .optional()
    .meta({ description: "TCP for /metrics, /healthz and /readyz alone, which nobody needs a token for." }),
  socket: socketPath.prefault(DEFAULT_SOCKET).meta({ description: "The unix socket that gwctl speaks to." }),
  auth: choice(["keystone", "none"]).prefault("keystone").meta({
    description: "Changes over TCP. none: everybody on this machine may change everything.",
  }),
  tokensFile: absolutePath.optional().meta({
    description: "The file of users that tokens are made for; gwctl user makes it.",
  }),
  routerDistributed: flag.prefault(false).meta({
    description: "Routers made without `distributed`: floating IPs are translated on the instances' hosts.",
  }),
  floatingEgress: choice(["floating", "fixed"]).prefault("floating").meta({
    description: "The source of new flows of a port with a floating IP made through the API.",
  }),
}).transform((given, context) => {
  const { listen, metricsListen, tokensFile } = given;
  const settings: ApiSettings = { ...given, listen, metricsListen, tokensFile, tls: given.tls };
  for (const { key, message, hint } of faultsOf(settings)) {
    context.addIssue({
      code: "custom",
      path: [key],
      message,
      params: { sentence: true, hint },
      input: settings[key],
    });
  }
  return settings;
});

interface Fault {
  readonly key: keyof ApiSettings;
  readonly message: string;
  readonly hint: string;
}

function* faultsOf({ listen, tls: secured, metricsListen, auth, tokensFile }: ApiSettings): Generator<Fault> {
  if (secured !== undefined && listen === undefined && metricsListen === undefined) {
    const hint = "write `listen: 0.0.0.0:9696`, or take `tls` out";
    yield { key: "tls", message: "nothing listens by TCP that could speak TLS", hint };
  }
  if (metricsListen !== undefined && listen?.port === metricsListen.port) {
    const hint = "write another port, such as 9469";
    yield { key: "metricsListen", message: "`listen` has this port already", hint };
  }
  if (listen === undefined || isLoopback(listen.address)) return;
  if (secured === undefined) {
    const hint = "name a certificate in `tls`, or write 127.0.0.1:9696, which this machine alone reaches";
    yield { key: "listen", message: "beyond loopback the API needs TLS", hint };
  }
  if (auth === "none") {
    const hint = "take it out, or listen on 127.0.0.1; the unix socket asks nobody either";
    yield { key: "auth", message: "beyond loopback everybody could change everything", hint };
  } else if (tokensFile === undefined) {
    const hint = "write `tokensFile: /etc/gatewayd/tokens`; gwctl user set makes the file";
    yield {
      key: "listen",
      message: "beyond loopback it takes a token, and there are no users to get one",
      hint,
    };
  }
}

function isLoopback(at: Address): boolean {
  if (at.family === 4) return at.w0 >>> 24 === 127;
  return at.w0 === 0 && at.w1 === 0 && at.w2 === 0 && at.w3 === 1;
}

/** What the file says beside the model: how the daemon itself is reached, and how it writes its log. */

import type { Endpoint, FloatingIp, Model } from "../model/model.ts";

export interface Settings {
  readonly model: Model;
  readonly api: ApiSettings;
  readonly log: LogSettings;
  readonly store: StoreSettings;
  readonly dhcp: DhcpSettings;
}

/** Who answers the instances of this host. */
export interface DhcpSettings {
  readonly type: "dnsmasq" | "none";
  /** Absolute path, for the files of dnsmasq. */
  readonly directory: string;
}

export interface ApiSettings {
  /** TCP; undefined: only the socket. */
  readonly listen: Endpoint | undefined;
  /** Of everything that listens by TCP; undefined only where `listen` is a loopback address. */
  readonly tls: TlsSettings | undefined;
  /** TCP for metrics and health alone. */
  readonly metricsListen: Endpoint | undefined;
  /** Absolute path of the unix socket, at most 99 octets. */
  readonly socket: string;
  /** Who may change things over TCP: whoever has a token, or, on loopback, whoever is on this machine. */
  readonly auth: "keystone" | "none";
  /** Absolute path of the file of users that tokens are made for; undefined: there are none. */
  readonly tokensFile: string | undefined;
  /** Routers that are made without saying so translate their floating IPs on the instances' hosts. */
  readonly routerDistributed: boolean;
  /** The source of new flows of a port that has a floating IP. */
  readonly floatingEgress: FloatingIp["egress"];
}

/** Absolute paths of PEM files. What stands in them is read when they change. */
export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
}

export const DEFAULT_SOCKET = "/run/gatewayd/gatewayd.sock";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

export interface LogSettings {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: "json" | "text";
}

/** Where the objects live that are made through the API. */
export type StoreSettings =
  | { readonly type: "none" }
  | { readonly type: "local"; readonly path: string }
  | EtcdStoreSettings;

export interface EtcdStoreSettings {
  readonly type: "etcd";
  /** Origins, at least one, all http or all https. */
  readonly endpoints: readonly string[];
  /** Before every key, without a slash at its end. */
  readonly prefix: string;
  /** Of https, where it is required. */
  readonly caFile: string | undefined;
  /** Both or neither. */
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Both or neither. */
  readonly user: string | undefined;
  readonly passwordFile: string | undefined;
  /** Where the copy is that the daemon starts with while etcd is away; undefined: there is none. */
  readonly path: string | undefined;
}

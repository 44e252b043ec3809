/**
 * The members of an etcd cluster, of which one is spoken to at a time: the next one when it does not answer. A request
 * that may be repeated is, elsewhere; one that may not (a commit) is sent only to a member that is connected, so that
 * it fails with its fate unknown only when the connection breaks under it.
 */

import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { StoreError, type StoreFault } from "../store.ts";
import { authenticate, type Method, range } from "./api.ts";
import { type EtcdLogin, isTokenRefused, Login } from "./login.ts";

/** Where etcd is, and how it and we prove who we are. */
export interface EtcdSettings {
  /** Not empty; all with the same scheme. */
  readonly endpoints: readonly URL[];
  /** Before every key, without a slash at its end; "/gatewayd". */
  readonly prefix: string;
  /**
   * Required for https. Asked for at first, and whenever a member cannot be had, so that it can be another one by then.
   * @throws the system's error
   */
  readonly tls: (() => EtcdTls) | undefined;
  /** Undefined: etcd asks nobody who they are, or the certificate says it. */
  readonly login: EtcdLogin | undefined;
}

/** PEM. */
export interface EtcdTls {
  readonly ca: Buffer;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
}

/** A member that has not answered by then does not; etcd itself gives up after 7 s when it has no leader. */
const REQUEST_MS = 5000;

/** A member to which no connection could be made by then is left aside. */
const CONNECT_MS = 2000;

const OPTIONS: ClientOptions = {
  // A dead connection is noticed after 15 s. etcd ends one that is asked more often than every 5 s.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2000,
  // What a range of entries takes; etcd's answers have no limit of their own.
  "grpc.max_receive_message_length": -1,
};

export class Members {
  readonly #endpoints: readonly URL[];
  readonly #tls: EtcdSettings["tls"];
  #shown: Shown;
  readonly #clients: Client[];
  /** What each client shows. */
  readonly #showing: Shown[];
  readonly #login: Login | undefined;
  #at = 0;
  #isClosed = false;

  /** @throws the system's error of `tls` */
  constructor({ endpoints, tls, login }: EtcdSettings) {
    this.#endpoints = endpoints;
    this.#login = login && new Login(login);
    this.#tls = tls;
    this.#shown = shownBy(tls?.());
    this.#showing = endpoints.map(() => this.#shown);
    this.#clients = endpoints.map((endpoint) => this.#connect(endpoint));
  }

  /** Asks one member after the other until one answers. @throws StoreError */
  async ask<Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.askOnce(method, request);
      } catch (error) {
        const elsewhere = error instanceof StoreError && error.detail.code === "unavailable";
        if (!elsewhere || tries >= this.#clients.length) throw error;
      }
    }
  }

  /** Asks one member, to which there is a connection. @throws StoreError unavailable: it may have done it */
  async askOnce<Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> {
    const client = await this.#connected();
    try {
      return await this.#unary(client, method, request, await this.#identity(client));
    } catch (error) {
      // It is refused before anything is done.
      if (this.#login === undefined || !isTokenRefused(error)) throw error;
      this.forgetToken();
      return await this.#unary(client, method, request, await this.#identity(client));
    }
  }

  /**
   * A stream with a member to which there is a connection. It ends with an error when that member no longer belongs to
   * a majority.
   * @throws StoreError unavailable
   */
  async stream<Request, Response>(
    method: Method<Request, Response>,
  ): Promise<ClientDuplexStream<Request, Response>> {
    const client = await this.#connected();
    const metadata = await this.#identity(client);
    metadata.set("hasleader", "true");
    const { path, requestSerialize, responseDeserialize } = method;
    const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
    stream.on("error", (error: ServiceError) => {
      if (isTokenRefused(storeErrorOf(error))) this.forgetToken();
      else this.#leave(client);
    });
    return stream;
  }

  /** The next request logs in again. */
  forgetToken(): void {
    this.#login?.forget();
  }

  /** Who still asks is told that there is nobody. */
  close(): void {
    this.#isClosed = true;
    for (const client of this.#clients) client.close();
  }

  /** The member that is spoken to. @throws StoreError unavailable: there is a connection to none, and why to the last */
  async #connected(): Promise<Client> {
    for (let tries = 1; ; tries++) {
      const at = this.#at;
      const client = this.#clients[at]!;
      const state = await settled(client.getChannel());
      this.#requireOpen();
      if (state === connectivityState.READY) return client;
      if (tries <= this.#clients.length && this.#renew(at, client)) continue;
      const isLast = tries >= this.#clients.length;
      if (isLast && state !== connectivityState.CONNECTING) {
        // It fails at once, and says why there is no connection. If there has come to be one, that is as well.
        await this.#unary(client, range, { key: Buffer.from("/") });
        return client;
      }
      this.#leave(client);
      const endpoint = this.#endpoints[at]!;
      if (state === connectivityState.CONNECTING && client === this.#clients[at]) {
        // The kernel would go on asking a host that is not there ever more rarely, also when it is back.
        client.close();
        this.#clients[at] = this.#connect(endpoint);
      }
      if (isLast) {
        const message = `etcd: no connection to ${endpoint.host} within ${CONNECT_MS / 1000} s`;
        throw new StoreError("unavailable", message);
      }
    }
  }

  /** A client that is made when all others were closed would connect for ever. @throws StoreError unavailable */
  #requireOpen(): void {
    if (this.#isClosed) throw new StoreError("unavailable", "etcd: the connection was closed");
  }

  /**
   * Connects anew when there are other certificates by now than those that a member did not take.
   * @throws StoreError unavailable: they cannot be read
   */
  #renew(at: number, client: Client): boolean {
    let tls: EtcdTls | undefined;
    try {
      tls = this.#tls?.();
    } catch (error) {
      throw new StoreError("unavailable", `certificates for etcd: ${(error as Error).message}`);
    }
    if (!isSameTls(this.#shown.tls, tls)) this.#shown = shownBy(tls);
    if (this.#showing[at] === this.#shown || client !== this.#clients[at]) return false;
    this.#showing[at] = this.#shown;
    client.close();
    this.#clients[at] = this.#connect(this.#endpoints[at]!);
    return true;
  }

  /** What says who we are. @throws StoreError */
  async #identity(client: Client): Promise<Metadata> {
    const metadata = new Metadata();
    const token = await this.#login?.token(
      async (credentials) => (await this.#unary(client, authenticate, credentials)).token,
    );
    if (token !== undefined) metadata.set("token", token);
    return metadata;
  }

  #unary<Request, Response>(
    client: Client,
    { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
    request: Request,
    metadata = new Metadata(),
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + REQUEST_MS };
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        options,
        (error, answer) => {
          if (error === null) return resolve(answer!);
          const fault = storeErrorOf(error);
          if (fault.detail.code === "unavailable" && !isTokenRefused(fault)) this.#leave(client);
          reject(fault);
        },
      );
    });
  }

  /** Speaks to the next one, unless it does not speak to this one any more. */
  #leave(client: Client): void {
    if (client === this.#clients[this.#at]) this.#at = (this.#at + 1) % this.#clients.length;
  }

  /** `hostname` has the brackets of an IPv6 address. */
  #connect({ hostname, port }: URL): Client {
    return new Client(
      `dns:${hostname}:${port === "" ? DEFAULT_PORT : port}`,
      this.#shown.credentials,
      OPTIONS,
    );
  }
}

const DEFAULT_PORT = 2379;

interface Shown {
  readonly tls: EtcdTls | undefined;
  readonly credentials: ChannelCredentials;
}

const shownBy = (tls: EtcdTls | undefined): Shown => ({
  tls,
  credentials:
    tls === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(tls.ca, tls.key ?? null, tls.cert ?? null),
});

const isSameTls = (one: EtcdTls | undefined, other: EtcdTls | undefined): boolean =>
  (["ca", "cert", "key"] as const).every((part) => String(one?.[part]) === String(other?.[part]));

/** What has come of connecting, or CONNECTING when nothing has for {@link CONNECT_MS}. */
async function settled(channel: ReturnType<Client["getChannel"]>): Promise<connectivityState> {
  const deadline = Date.now() + CONNECT_MS;
  for (;;) {
    const state = channel.getConnectivityState(true);
    if (state !== connectivityState.IDLE && state !== connectivityState.CONNECTING) return state;
    const changed = await new Promise<boolean>((resolve) =>
      channel.watchConnectivityState(state, deadline, (late) => resolve(late === undefined)),
    );
    if (!changed) return connectivityState.CONNECTING;
  }
}

/** What a call that failed says of the store. etcd's own words are in `details`. */
export function storeErrorOf(error: ServiceError): StoreError {
  // gRPC tells of a deadline what took how long, down to the address: no two are alike.
  const isLate = error.code === status.DEADLINE_EXCEEDED;
  const words = isLate ? `no answer within ${REQUEST_MS / 1000} s` : error.details || error.message;
  return new StoreError(faultOf(error), `etcd: ${words}`, { cause: error });
}

function faultOf({ code, details }: ServiceError): StoreFault {
  if (code === status.RESOURCE_EXHAUSTED && details.includes("database space exceeded")) return "full";
  if (code === status.NOT_FOUND && details.includes("lease not found")) return "lease-lost";
  if (code === status.INVALID_ARGUMENT && /too (large|many)/.test(details)) return "too-large";
  return "unavailable";
}

/** Whether a revision was asked for that etcd no longer knows. */
export const isCompacted = (error: unknown): boolean =>
  error instanceof StoreError && (error.cause as ServiceError | undefined)?.code === status.OUT_OF_RANGE;

/** The other end of a BGP session as bare octets: what no well-behaved speaker would send. */

import { connect, createServer, type Server, type Socket } from "node:net";
import { eventually } from "./lab.ts";
import { framesIn, keepalive, type Message, type OpenFields, open, routesIn, TYPE } from "./octets.ts";

export class RawPeer {
  readonly messages: Message[] = [];
  /** IPv4 prefixes that it was told and that were not withdrawn. */
  readonly told: Set<string> = new Set();
  /** The connection is over, one way or the other. */
  closed = false;
  readonly socket: Socket;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (octets) => {
      const { messages, rest } = framesIn(Buffer.concat([this.#rest, octets]));
      this.#rest = rest;
      for (const message of messages) this.#take(message);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed = true;
    });
  }

  /** Resolves when TCP is there, or will not be. */
  static async connect(from: string, to: string, port: number): Promise<RawPeer> {
    const peer = new RawPeer(connect({ host: to, port, localAddress: from, noDelay: true }));
    // Who is refused may find the connection closed before it hears that it was opened.
    await Promise.race(
      ["connect", "close"].map((event) => new Promise((done) => peer.socket.once(event, done))),
    );
    return peer;
  }

  send(...octets: readonly Uint8Array[]): this {
    this.socket.write(Buffer.concat(octets));
    return this;
  }

  has(type: number): Message | undefined {
    return this.messages.find((message) => message.type === type);
  }

  received(type: number, limitMs?: number): Promise<Message> {
    return eventually(`a message of type ${type}`, () => this.has(type), limitMs);
  }

  /** OPEN and KEEPALIVE both ways. */
  async establish(fields: OpenFields): Promise<this> {
    this.send(open(fields), keepalive);
    await this.received(TYPE.keepalive);
    return this;
  }

  #take(message: Message): void {
    this.messages.push(message);
    if (message.type !== TYPE.update) return;
    const { withdrawn, announced } = routesIn(message.body);
    for (const prefix of withdrawn) this.told.delete(prefix);
    for (const prefix of announced) this.told.add(prefix);
  }

  /** Waits for the end of the connection; the NOTIFICATION before it, "code/subcode", or undefined. */
  async lastWords(limitMs?: number): Promise<string | undefined> {
    await eventually("the end of the connection", () => this.closed, limitMs);
    const body = this.has(TYPE.notification)?.body;
    return body === undefined ? undefined : `${body[0]}/${body[1]}`;
  }

  /** Without a word: a reset. */
  drop(): void {
    this.socket.resetAndDestroy();
  }
}

/** Listens where a gateway dials. */
export class RawListener {
  readonly accepted: RawPeer[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.accepted.push(new RawPeer(socket)));
  }

  static async on(address: string, port: number): Promise<RawListener> {
    const server = createServer({ noDelay: true });
    const listener = new RawListener(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, address, resolve);
    });
    return listener;
  }

  close(): void {
    this.#server.close();
    for (const peer of this.accepted) peer.drop();
  }
}

/**
 * Hears of sessions that come and go, while somebody asks for them. The core asks for one batch after the other, at its
 * own pace: what comes faster stays in the kernel's queue, and what that cannot hold the kernel counts.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { closeDescriptor, droppedBy, openNetlink, receive, setOption, setQueue } from "../netlink/ffi.ts";
import { messagesIn } from "../netlink/netlink.ts";
import { isOverrun } from "../netlink/netlink-socket.ts";
import { emptyEntry, emptySession, readEntry, readSession } from "./conntrack-entry.ts";
import { EventWriter } from "./session-events.ts";

const NETLINK_NETFILTER = 12;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NFNLGRP_CONNTRACK_NEW = 1;
const NFNLGRP_CONNTRACK_DESTROY = 3;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const IPCTNL_MSG_CT_NEW = (1 << 8) | 0;
const IPCTNL_MSG_CT_DELETE = (1 << 8) | 2;
const AF_INET = 2;
const RECEIVE_OCTETS = 64 * 1024;
/** Some 30 000 events: a burst that is over before it matters. */
const QUEUE_OCTETS = 32 * 1024 * 1024;
/** Nothing is logged later than this for want of others. */
const LOOK_EVERY_MS = 50;
/** An answer without events tells the core that netd lives. */
const WAIT_MS = 1000;
/** Events that are no matter of ours take time too. */
const DATAGRAMS = 4096;

export class SessionWatch {
  readonly #into = Buffer.alloc(RECEIVE_OCTETS);
  readonly #entry = emptyEntry();
  readonly #session = emptySession();
  readonly #events = new EventWriter();
  #fd: number | undefined;
  #dropped = 0;
  #asked = 0;

  /**
   * Resolves to the next batch, an empty one when nothing has happened for a while. Begins to listen.
   * @throws SystemError
   */
  async next(): Promise<Buffer> {
    const asked = ++this.#asked;
    for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
      this.#fd ??= listen();
      this.#read(this.#fd);
      const dropped = droppedBy(this.#fd);
      const lost = (dropped - this.#dropped) >>> 0;
      this.#dropped = dropped;
      if (this.#events.count > 0 || lost > 0 || waitedMs >= WAIT_MS)
        return this.#events.take(Date.now(), lost);
      await sleep(LOOK_EVERY_MS);
      // Nobody wants to know any more, or somebody asked anew.
      if (this.#asked !== asked) return this.#events.take(Date.now(), 0);
    }
  }

  /** The kernel stops telling, which it does for somebody at a price. */
  end(): void {
    this.#asked++;
    this.#dropped = 0;
    if (this.#fd !== undefined) closeDescriptor(this.#fd);
    this.#fd = undefined;
  }

  #read(fd: number): void {
    for (let datagrams = 0; datagrams < DATAGRAMS && !this.#events.full; datagrams++) {
      try {
        const length = receive(fd, this.#into, false);
        if (length === undefined) return;
        // The kernel sends an event as a datagram of its own.
        for (const { type, payload } of messagesIn(this.#into.subarray(0, length))) this.#take(type, payload);
      } catch (error) {
        if (!isOverrun(error)) throw error;
      }
    }
  }

  #take(type: number, payload: Buffer): void {
    if ((type !== IPCTNL_MSG_CT_NEW && type !== IPCTNL_MSG_CT_DELETE) || payload[0] !== AF_INET) return;
    readEntry(payload, this.#entry);
    if (readSession(this.#entry, this.#session))
      this.#events.add(this.#session, type === IPCTNL_MSG_CT_DELETE);
  }
}

/** New entries and removed ones: changes of their state are ten times as many, and no matter of a log. */
function listen(): number {
  const fd = openNetlink(NETLINK_NETFILTER);
  setQueue(fd, SO_RCVBUFFORCE, SO_RCVBUF, QUEUE_OCTETS);
  for (const group of [NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_DESTROY])
    setOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  return fd;
}

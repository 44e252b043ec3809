/** A netlink socket that listens. The kernel leaves out, where it can, what we caused ourselves. */

import { closeDescriptor, ignorePort, openNetlink, receive, setOption, setQueue } from "./ffi.ts";
import { type Message, messagesIn } from "./netlink.ts";
import { isOverrun } from "./netlink-socket.ts";

const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const RECEIVE_OCTETS = 64 * 1024;
const QUEUE_OCTETS = 4 * 1024 * 1024;
/** Datagrams read in one go: others wait for us too. */
const DATAGRAMS = 65_536;

export class Watch {
  readonly fd: number;
  readonly #into = Buffer.alloc(RECEIVE_OCTETS);

  /**
   * @param ignored - the port of the socket that our own changes go through; undefined when it is not known
   * @throws SystemError
   */
  constructor(protocol: number, groups: readonly number[], ignored: number | undefined) {
    this.fd = openNetlink(protocol);
    setQueue(this.fd, SO_RCVBUFFORCE, SO_RCVBUF, QUEUE_OCTETS);
    if (ignored !== undefined) ignorePort(this.fd, ignored);
    for (const group of groups) setOption(this.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  }

  /** Not to be called for one that {@link pollReadable} waits for. */
  close(): void {
    closeDescriptor(this.fd);
  }

  /**
   * Gives every event that has come to `each`, without waiting for more.
   * @returns false when events were lost, so that what they told of must be read anew
   */
  drain(each: (message: Message) => void): boolean {
    let complete = true;
    for (let datagrams = 0; datagrams < DATAGRAMS; datagrams++) {
      try {
        const length = receive(this.fd, this.#into, false);
        if (length === undefined) return complete;
        for (const message of messagesIn(this.#into.subarray(0, length))) each(message);
      } catch (error) {
        if (!isOverrun(error)) throw error;
        complete = false;
      }
    }
    // More than that is a flood: reading the state itself is cheaper than reading how it came about.
    return false;
  }
}

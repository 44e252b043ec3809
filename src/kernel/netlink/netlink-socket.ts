/**
 * A netlink socket that asks: requests one by one, in batches, and dumps. The kernel answers within send, so no
 * call here waits for anything but the copy.
 */

import {
  describeErrno,
  netlinkPort,
  openNetlink,
  receive,
  SystemError,
  send,
  setOption,
  setQueue,
} from "./ffi.ts";
import {
  attributesIn,
  LITTLE,
  type Message,
  MessageWriter,
  messagesIn,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  readText,
} from "./netlink.ts";

const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const NLMSGERR_ATTR_MSG = 1;
const NLM_F_ACK_TLVS = 0x200;

/** Octets of one batch. */
const BATCH_OCTETS = 512 * 1024;
/** Room that a single message needs at most; a batch is sent when less is left. */
const MESSAGE_OCTETS = 8192;
/** Messages of one batch: were all refused, their answers still fit the receive buffer. */
const BATCH_MESSAGES = 2048;
/** The same for queues of the size that everybody has. */
const SMALL_BATCH_MESSAGES = 128;
const QUEUE_OCTETS = 8 * 1024 * 1024;
/** The kernel makes dump messages of up to 32 KiB. */
const RECEIVE_OCTETS = 128 * 1024;
const NFNL_MSG_BATCH_BEGIN = 16;
const NFNL_MSG_BATCH_END = 17;
const DUMP_ATTEMPTS = 8;
/** A slice of a dump ends after this, at the end of a datagram. */
const SLICE_MS = 5;
/** Sequence numbers of messages outside of batches: from here on, a billion before they repeat. */
const FIRST_ALONE = 0x80000000;

/** What the kernel said to a request that it refused. */
export interface Refusal {
  /** Positive. */
  readonly errno: number;
  readonly message: string;
}

/** Hears of each message of a batch that was refused, with the tag that it was queued with. */
export type OnRefusal = (tag: number, refusal: Refusal) => void;

export class NetlinkSocket {
  readonly fd: number;
  readonly port: number;
  readonly #batch = new MessageWriter(BATCH_OCTETS);
  readonly #alone = new MessageWriter(MESSAGE_OCTETS);
  readonly #into = Buffer.alloc(RECEIVE_OCTETS);
  readonly #tags = new Int32Array(BATCH_MESSAGES);
  readonly #batchMessages: number;
  #queued = 0;
  #sequence = 1;
  #sentAlone = 0;

  /** @throws SystemError */
  constructor(protocol: number) {
    this.fd = openNetlink(protocol);
    this.port = netlinkPort(this.fd, protocol) ?? 0;
    const room =
      setQueue(this.fd, SO_RCVBUFFORCE, SO_RCVBUF, QUEUE_OCTETS) &&
      setQueue(this.fd, SO_SNDBUFFORCE, SO_SNDBUF, QUEUE_OCTETS);
    this.#batchMessages = room ? BATCH_MESSAGES : SMALL_BATCH_MESSAGES;
    setOption(this.fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
    setOption(this.fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
    setOption(this.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    // The kernel answers at once; ten seconds without an answer is a bug that must not hang the process.
    const timeout = Buffer.alloc(16);
    new BigInt64Array(timeout.buffer, timeout.byteOffset, 1)[0] = 10n;
    setOption(this.fd, SOL_SOCKET, SO_RCVTIMEO, timeout);
  }

  /**
   * Begins a message of a batch; the caller writes what follows the header and calls {@link queued}.
   * Sends what is queued first when it would not fit.
   */
  queue(type: number, flags: number, tag: number, refused: OnRefusal): MessageWriter {
    if (this.#queued === this.#batchMessages || this.#batch.length > BATCH_OCTETS - MESSAGE_OCTETS)
      this.flush(refused);
    this.#tags[this.#queued] = tag;
    this.#batch.begin(type, NLM_F_REQUEST | flags, this.#sequence + this.#queued);
    return this.#batch;
  }

  queued(): void {
    this.#batch.end();
    this.#queued++;
  }

  /**
   * Sends the batch and hears the refusals. Only the last message asks for an answer: the kernel works in order,
   * and answers by itself to what it refuses.
   * @throws SystemError when it cannot be known what was done
   */
  flush(refused: OnRefusal): void {
    const count = this.#queued;
    if (count === 0) return;
    const first = this.#sequence;
    this.#batch.flagLast(NLM_F_ACK);
    this.#queued = 0;
    this.#sequence = first + count;
    // Sequence numbers of one batch are consecutive: start over before they would reach the others.
    if (this.#sequence > FIRST_ALONE - BATCH_MESSAGES) this.#sequence = 1;
    try {
      send(this.fd, this.#batch.octets, this.#batch.length);
    } finally {
      this.#batch.clear();
    }
    this.#receive((message) => {
      if (message.type !== NLMSG_ERROR) return false;
      const index = message.sequence - first;
      if (index < 0 || index >= count) return false;
      const refusal = refusalIn(message);
      if (refusal !== undefined) refused(this.#tags[index]!, refusal);
      return index === count - 1;
    });
  }

  /** Forgets what is queued: after a failure that cut its author off. */
  discard(): void {
    this.#queued = 0;
    this.#batch.clear();
  }

  /** Sends one message at once, before the batch that may be waiting. Undefined when the kernel did it. */
  request(type: number, flags: number, write: (to: MessageWriter) => void): Refusal | undefined {
    const sequence = this.#sendAlone(type, NLM_F_ACK | flags, write);
    let answer: Refusal | undefined;
    this.#receive((message) => {
      if (message.type !== NLMSG_ERROR || message.sequence !== sequence) return false;
      answer = refusalIn(message);
      return true;
    });
    return answer;
  }

  /** The same for a question that is answered with messages: each is given to `each`. */
  ask(
    type: number,
    write: (to: MessageWriter) => void,
    each: (message: Message) => void,
  ): Refusal | undefined {
    const sequence = this.#sendAlone(type, NLM_F_ACK, write);
    let refusal: Refusal | undefined;
    this.#receive((message) => {
      if (message.sequence !== sequence) return false;
      if (message.type !== NLMSG_ERROR) {
        each(message);
        return false;
      }
      refusal = refusalIn(message);
      return true;
    });
    return refusal;
  }

  /**
   * The same as a transaction of nfnetlink's of one message, between a begin and an end that name the subsystem.
   * The kernel answers to the one that asks for it, and to any that it refuses.
   */
  transact(
    subsystem: number,
    type: number,
    flags: number,
    write: (to: MessageWriter) => void,
  ): Refusal | undefined {
    const to = this.#alone;
    const first = this.#nextAlone(3);
    to.clear();
    const put = (of: number, more: number, sequence: number, body: () => void): void => {
      to.begin(of, NLM_F_REQUEST | more, sequence);
      body();
      to.end();
    };
    // struct nfgenmsg: family 0, version 0, and the subsystem in network order.
    const batch = (): void => {
      for (const octet of [0, 0, 0, subsystem]) to.u8(octet);
    };
    put(NFNL_MSG_BATCH_BEGIN, 0, first, batch);
    put((subsystem << 8) | type, NLM_F_ACK | flags, first + 1, () => write(to));
    put(NFNL_MSG_BATCH_END, 0, first + 2, batch);
    send(this.fd, to.octets, to.length);
    let answer: Refusal | undefined;
    this.#receive((message) => {
      if (message.type !== NLMSG_ERROR || message.sequence < first || message.sequence > first + 2)
        return false;
      answer = refusalIn(message);
      return true;
    });
    return answer;
  }

  /**
   * Asks for all objects of a kind and gives each to `each`. Starts over, after `again`, when the kernel says that
   * they changed meanwhile.
   * @returns the refusal, if the kernel gave one
   * @throws SystemError
   */
  dump(
    type: number,
    write: (to: MessageWriter) => void,
    each: (message: Message) => void,
    again: () => void,
  ): Refusal | undefined {
    for (let attempt = 1; ; attempt++) {
      const dump = new Dump(this.#sendAlone(type, NLM_F_DUMP, write), each);
      this.#receive(dump.take);
      if (dump.refusal !== undefined || !dump.interrupted || attempt === DUMP_ATTEMPTS) return dump.refusal;
      again();
    }
  }

  /**
   * As {@link dump}, of millions of objects: `turn` is awaited whenever it has worked for some milliseconds. Nothing else
   * may be asked of this socket meanwhile.
   * @throws SystemError
   */
  async dumpInSlices(
    type: number,
    write: (to: MessageWriter) => void,
    each: (message: Message) => void,
    again: () => void,
    turn: () => Promise<void>,
  ): Promise<Refusal | undefined> {
    for (let attempt = 1; ; attempt++) {
      const dump = new Dump(this.#sendAlone(type, NLM_F_DUMP, write), each);
      for (let sliceEnds = performance.now() + SLICE_MS; !this.#receiveSome(dump.take); ) {
        if (performance.now() < sliceEnds) continue;
        await turn();
        sliceEnds = performance.now() + SLICE_MS;
      }
      if (dump.refusal !== undefined || !dump.interrupted || attempt === DUMP_ATTEMPTS) return dump.refusal;
      again();
    }
  }

  /** Begins to ask for all objects of a kind; nothing else may be asked until {@link continueDump} has said that it is over. */
  beginDump(type: number, write: (to: MessageWriter) => void): number {
    return this.#sendAlone(type, NLM_F_DUMP, write);
  }

  /**
   * Takes as much as the kernel gives at once.
   * @param sequence - what {@link beginDump} returned
   * @returns false when it was the last
   * @throws Error with the kernel's words when it refuses
   */
  continueDump(sequence: number, each: (message: Message) => void): boolean {
    const length = receive(this.fd, this.#into, true) ?? 0;
    for (const message of messagesIn(this.#into.subarray(0, length))) {
      if (message.sequence !== sequence) continue;
      if (message.type !== NLMSG_ERROR && message.type !== NLMSG_DONE) each(message);
      else if (refusalIn(message) === undefined) return false;
      else throw new Error(refusalIn(message)?.message);
    }
    return true;
  }

  /** @returns its sequence number */
  #sendAlone(type: number, flags: number, write: (to: MessageWriter) => void): number {
    const to = this.#alone;
    const sequence = this.#nextAlone(1);
    to.clear();
    to.begin(type, NLM_F_REQUEST | flags, sequence);
    write(to);
    to.end();
    send(this.fd, to.octets, to.length);
    return sequence;
  }

  /** The first of as many sequence numbers that follow each other. */
  #nextAlone(count: number): number {
    const at = this.#sentAlone & 0x3fffffff;
    this.#sentAlone += count;
    return FIRST_ALONE + at;
  }

  /** Receives until `done` says so. */
  #receive(done: (message: Message) => boolean): void {
    while (!this.#receiveSome(done)) {
      // Until it does.
    }
  }

  /** Receives one datagram. True when `done` says so of a message in it. */
  #receiveSome(done: (message: Message) => boolean): boolean {
    const length = receive(this.fd, this.#into, true) ?? 0;
    let over = false;
    for (const message of messagesIn(this.#into.subarray(0, length))) over = done(message) || over;
    return over;
  }
}

/** What has come of one dump. */
class Dump {
  refusal: Refusal | undefined;
  /** The objects changed meanwhile. */
  interrupted = false;
  readonly #sequence: number;
  readonly #each: (message: Message) => void;

  constructor(sequence: number, each: (message: Message) => void) {
    this.#sequence = sequence;
    this.#each = each;
  }

  /** True when it was the last. */
  readonly take = (message: Message): boolean => {
    if (message.sequence !== this.#sequence) return false;
    if ((message.flags & NLM_F_DUMP_INTR) !== 0) this.interrupted = true;
    if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
      this.refusal = refusalIn(message);
      return true;
    }
    this.#each(message);
    return false;
  };
}

/** The refusal in a struct nlmsgerr, or at the end of a dump; undefined for an acknowledgement. */
function refusalIn(message: Message): Refusal | undefined {
  if (message.payload.length < 4) return undefined;
  const view = message.payload;
  const errno = -new DataView(view.buffer, view.byteOffset).getInt32(0, LITTLE);
  if (errno <= 0) return undefined;
  // After the error comes, for NLMSG_ERROR only, the header of the request (NETLINK_CAP_ACK cut the rest off).
  const offset = message.type === NLMSG_ERROR ? 20 : 4;
  const text =
    (message.flags & NLM_F_ACK_TLVS) !== 0 ? attributesIn(view, offset).get(NLMSGERR_ATTR_MSG) : undefined;
  const reason = describeErrno(errno);
  return { errno, message: text === undefined ? reason : `${readText(text)} (${reason})` };
}

/** True for what a resynchronisation cures: the kernel had more to say than the queue could hold. */
export const isOverrun = (error: unknown): boolean => error instanceof SystemError && error.errno === 105;

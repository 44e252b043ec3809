/**
 * The way to a file of entries for as long as the daemon lives: when the process that is alone with it (process.ts) ends,
 * by the kernel's want of memory or somebody's hand, another one takes its place. What was under way is done or not.
 */

import type { StoreError } from "../store.ts";
import type { Channel } from "./channel.ts";
import type { Answer, Part, Request } from "./protocol.ts";

interface Process {
  /** @param onEnd - see {@link Channel.open}; @throws StoreError */
  readonly open: (onEnd: () => void) => Promise<Channel>;
  /** Whether another process could do what one that ended so could not. */
  readonly isMendable: (fault: StoreError) => boolean;
  /** @param revision - of the file, as the one that has taken its place found it */
  readonly onRevived: (revision: number) => void;
}

export class LastingChannel {
  readonly #process: Process;
  #channel: Channel;
  #reviving: Promise<void> | undefined;
  #isClosed = false;

  /** @throws StoreError as {@link Channel.open} */
  static async open(process: Process): Promise<LastingChannel> {
    let lasting: LastingChannel | undefined;
    const onEnd = (): void => {
      if (lasting !== undefined) lasting.#ended();
    };
    lasting = new LastingChannel(process, await process.open(onEnd));
    return lasting;
  }

  private constructor(process: Process, channel: Channel) {
    this.#process = process;
    this.#channel = channel;
  }

  /** Of the file when it was opened last. */
  get revision(): number {
    return this.#channel.revision;
  }

  /** Opens the file again where its process has ended. @throws StoreError; see {@link Channel.ask} */
  async ask<D extends Answer["did"]>(
    request: Request,
    did: D,
    onPart?: (part: Part) => void,
  ): ReturnType<typeof Channel.prototype.ask<D>> {
    const { fault } = this.#channel;
    if (fault !== undefined && this.#process.isMendable(fault)) await this.#revive();
    return this.#channel.ask(request, did, onPart);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reviving?.catch(() => undefined);
    await this.#channel.close();
  }

  /** When that fails, whoever asks next tries again, and is told why not. */
  #ended(): void {
    const { fault } = this.#channel;
    if (fault !== undefined && this.#process.isMendable(fault)) void this.#revive().catch(() => undefined);
  }

  #revive(): Promise<void> {
    if (this.#isClosed) return Promise.reject(this.#channel.fault);
    this.#reviving ??= this.#openAgain().finally(() => {
      this.#reviving = undefined;
    });
    return this.#reviving;
  }

  async #openAgain(): Promise<void> {
    this.#channel = await this.#process.open(() => this.#ended());
    this.#process.onRevived(this.#channel.revision);
  }
}

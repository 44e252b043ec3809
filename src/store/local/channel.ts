/** The daemon's end of the process that is alone with a file of entries (process.ts): questions, answered in order. */

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { StoreError } from "../store.ts";
import type { Answer, FileName, Part, Request } from "./protocol.ts";

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: StoreError) => void;
  /** Hears what comes before the last of the answer. */
  readonly onPart: (part: Part) => void;
}

type AnswerTo<D extends Answer["did"], A = Answer> = A extends { readonly did: infer E }
  ? D extends E
    ? A
    : never
  : never;

export class Channel {
  readonly #directory: string;
  readonly #process: ChildProcess;
  readonly #waiting: Waiting[] = [];
  readonly #onEnd: () => void;
  #isClosing = false;
  /** Why nothing can be asked any more. */
  #fault: StoreError | undefined;
  #revision = 0;

  /**
   * @param directory - made when it is not there, for this user alone
   * @param script - the process's; as it is built beside this file
   * @param onEnd - it ended though nobody closed it; called at most once, and not before this has resolved
   * @throws StoreError corrupt; full; unavailable: another gatewayd has it, or this user may not write there
   */
  static async open(
    directory: string,
    file: FileName,
    script: string = BESIDE_THIS,
    onEnd: () => void = () => undefined,
  ): Promise<Channel> {
    let isOpen = false;
    const channel = new Channel(directory, file, script, () => isOpen && onEnd());
    try {
      channel.#revision = (await channel.#answer("open", () => undefined)).revision;
      isOpen = true;
      return channel;
    } catch (error) {
      if (channel.#process.connected) channel.#process.disconnect();
      throw error;
    }
  }

  private constructor(directory: string, file: FileName, script: string, onEnd: () => void) {
    this.#directory = directory;
    this.#onEnd = onEnd;
    this.#process = fork(script, [directory, file], { serialization: "advanced", execArgv: [] });
    this.#process.on("message", (answer: Answer) => this.#take(answer));
    this.#process.on("error", (error) =>
      this.#end(new StoreError("unavailable", error.message, { cause: error })),
    );
    this.#process.on("exit", (code, signal) => this.#end(this.#faultOf(code, signal)));
  }

  /** Of the file when it was opened. */
  get revision(): number {
    return this.#revision;
  }

  /** Undefined: it can be asked. */
  get fault(): StoreError | undefined {
    return this.#fault;
  }

  /** @param did - what is answered to it, behind any parts; @throws StoreError */
  async ask<D extends Answer["did"]>(
    request: Request,
    did: D,
    onPart: (part: Part) => void = () => undefined,
  ): Promise<AnswerTo<D>> {
    if (this.#fault !== undefined) throw this.#fault;
    const answer = this.#answer(did, onPart);
    this.#process.send(request);
    return answer;
  }

  /** The process ends. What it answered is on the disk; there is nothing to be finished. */
  async close(): Promise<void> {
    if (this.#fault !== undefined) return;
    this.#isClosing = true;
    const ended = new Promise<void>((resolve) => this.#process.once("exit", () => resolve()));
    this.#process.disconnect();
    await ended;
  }

  async #answer<D extends Answer["did"]>(did: D, onPart: (part: Part) => void): Promise<AnswerTo<D>> {
    const answer = await new Promise<Answer>((resolve, reject) =>
      this.#waiting.push({ resolve, reject, onPart }),
    );
    if (answer.did !== did) throw new TypeError(`unexpected answer of the store: ${answer.did}`);
    return answer as unknown as AnswerTo<D>;
  }

  /** Answers come in the order of the questions. */
  #take(answer: Answer): void {
    // What it said last may be read behind its end: whoever asked knows by then that he does not know.
    if (this.#fault !== undefined) return;
    if (answer.did === "part") {
      this.#waiting[0]?.onPart(answer);
      return;
    }
    const waiting = this.#waiting.shift();
    if (waiting === undefined) throw new TypeError(`the store answers what nobody asked: ${answer.did}`);
    if (answer.did === "fail") waiting.reject(new StoreError(answer.failure.code, answer.failure.message));
    else waiting.resolve(answer);
  }

  #end(fault: StoreError): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    for (const { reject } of this.#waiting.splice(0)) reject(fault);
    if (!this.#isClosing) this.#onEnd();
  }

  #faultOf(code: number | null, signal: NodeJS.Signals | null): StoreError {
    if (signal !== null && DIES_OF_PAGES.has(signal)) {
      const what = "the file of the store is damaged: a part of it is missing or foreign";
      return new StoreError("corrupt", `${this.#directory}: ${what} (${signal})`);
    }
    return new StoreError("unavailable", `${this.#directory}: the store's process ended (${signal ?? code})`);
  }
}

/** What a process dies of that looks at a page that is not there, or not one. */
const DIES_OF_PAGES: ReadonlySet<NodeJS.Signals> = new Set(["SIGBUS", "SIGSEGV", "SIGABRT"]);

const BESIDE_THIS: string = fileURLToPath(new URL("./process.js", import.meta.url));

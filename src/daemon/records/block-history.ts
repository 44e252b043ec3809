/**
 * Remembers which port blocks were in force when, in a file that only grows: `gwctl nat who … at TIME` answers from it
 * without any log of flows. A plan counts from when the kernel has acknowledged it; a block that is given is written down
 * before the kernel hears of it, and one that is taken back behind that, so that no flow is without an answer.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Problem } from "../../gateway/intent.ts";
import type { BlockGrant, BlockPlan } from "../../model/blocks.ts";
import { sameBlocks } from "../../nat/blocks.ts";
import type { Epoch, GrantSpan } from "../../nat/history.ts";
import {
  BLOCK_EPOCHS,
  decodeHistory,
  encodeEpoch,
  encodeGrant,
  type GrantChange,
  type GrantSpans,
} from "./block-lines.ts";
import type { Log } from "./log.ts";

/** Octets of the file that are read, the last ones. */
const HISTORY_OCTETS = 16 * 1024 * 1024;

const NO_BLOCKS: BlockPlan = { private: [], pools: [] };

export class BlockHistory {
  readonly #path: string;
  #epochs: readonly Epoch[];
  readonly #spans: GrantSpans;
  /** Lines that are not in the file yet. */
  #unsaved: string;
  #failure: string | undefined;
  #writing: Promise<void> | undefined;

  /** Reads what there is. A file that cannot be read is a problem that is shown, and no reason not to run. */
  constructor(path: string, log: Log) {
    this.#path = path;
    const text = this.#read();
    const { epochs, spans, broken } = decodeHistory(text);
    this.#epochs = epochs;
    this.#spans = spans;
    // The end of a line that a crash cut off would spoil the next one.
    this.#unsaved = text === "" || text.endsWith("\n") ? "" : "\n";
    if (broken === 0) return;
    log.warn(
      { event: "nat.history.broken", file: path, lines: broken },
      "lines that cannot be read are left out",
    );
  }

  /** In the order of time. */
  get epochs(): readonly Epoch[] {
    return this.#epochs;
  }

  /** Blocks that were given, in the order of time. */
  get spans(): readonly GrantSpan[] {
    return this.#spans.list;
  }

  /** Those that nobody has taken back. */
  get given(): readonly BlockGrant[] {
    return this.#spans.open.map(({ grant }) => grant);
  }

  /** The one in force, as far as is known; the same object until another one is. */
  get plan(): BlockPlan | undefined {
    return this.#epochs.at(-1)?.plan;
  }

  /** Why the file does not have all of it. */
  get problem(): Problem | undefined {
    const message = this.#failure;
    return message === undefined ? undefined : { code: "nat.history", subject: this.#path, message };
  }

  /** @param plan - what the kernel holds now; undefined: no blocks */
  take(plan: BlockPlan | undefined, nowMs: number): void {
    const last = this.#epochs.at(-1);
    if (!sameBlocks(plan ?? NO_BLOCKS, last?.plan ?? NO_BLOCKS)) {
      const epoch: Epoch = { fromMs: Math.max(nowMs, last?.fromMs ?? 0), plan: plan ?? NO_BLOCKS };
      this.#epochs = [...this.#epochs, epoch].slice(-BLOCK_EPOCHS);
      this.#unsaved += encodeEpoch(epoch);
    }
    if (this.#unsaved.length > 1) this.#writing ??= this.#write();
  }

  /** Resolves when all that was told is in the file, or cannot be. */
  async note(changes: readonly GrantChange[]): Promise<void> {
    for (const change of changes) {
      this.#spans.take(change);
      this.#unsaved += encodeGrant(change);
    }
    if (this.#unsaved.length > 1) this.#writing ??= this.#write();
    await this.#writing;
  }

  /** Resolves when what is to be written is, or cannot be. */
  async close(): Promise<void> {
    await this.#writing;
  }

  #read(): string {
    try {
      return readEnd(this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#failure = reasonOf(error);
      return "";
    }
  }

  async #write(): Promise<void> {
    while (this.#unsaved.length > 1) {
      const lines = this.#unsaved;
      try {
        await append(this.#path, lines);
        this.#unsaved = this.#unsaved.slice(lines.length);
        this.#failure = undefined;
      } catch (error) {
        // The next pass of the reconciler tries again, behind whatever part of a line is there.
        this.#unsaved = `\n${this.#unsaved.trimStart()}`;
        this.#failure = reasonOf(error);
        break;
      }
    }
    this.#writing = undefined;
  }
}

function readEnd(path: string): string {
  // Without O_NONBLOCK, opening a pipe waits for somebody to write to it.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new Error(`${path} is no regular file`);
    const from = Math.max(0, stats.size - HISTORY_OCTETS);
    const octets = Buffer.alloc(stats.size - from);
    const length = readSync(descriptor, octets, 0, octets.length, from);
    const text = octets.toString("utf8", 0, length);
    return from === 0 ? text : text.slice(text.indexOf("\n") + 1);
  } finally {
    closeSync(descriptor);
  }
}

async function append(path: string, lines: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  const file = await open(path, "a", 0o640);
  try {
    await file.appendFile(lines);
    await file.datasync();
  } finally {
    await file.close();
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

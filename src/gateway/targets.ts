/**
 * What routes are to do, as small numbers: equal targets have one number, so that a million routes are compared by
 * comparing numbers. 0 stands for no route. A number is kept by references.
 */

import type { KernelRoute } from "./intent.ts";
import { keyOf } from "./routes.ts";

type Target = KernelRoute["target"];

export class Targets {
  readonly #targets: (Target | undefined)[] = [undefined];
  readonly #references: number[] = [0];
  readonly #free: number[] = [];
  readonly #idByKey = new Map<string, number>();

  /** Takes one reference. */
  take(target: Target): number {
    const key = keyOf(target);
    let id = this.#idByKey.get(key);
    if (id === undefined) {
      id = this.#free.pop() ?? this.#targets.length;
      this.#targets[id] = target;
      this.#references[id] = 0;
      this.#idByKey.set(key, id);
    }
    this.#references[id]!++;
    return id;
  }

  hold(id: number): void {
    if (id !== 0) this.#references[id]!++;
  }

  drop(id: number): void {
    if (id === 0 || --this.#references[id]! > 0) return;
    this.#idByKey.delete(keyOf(this.#targets[id]!));
    this.#targets[id] = undefined;
    this.#free.push(id);
  }

  /** Undefined for 0 only. */
  at(id: number): Target | undefined {
    return this.#targets[id];
  }

  /** Gives the references of `count` holders of one to another. */
  shift(from: number, to: number, count: number): void {
    if (count === 0) return;
    this.#references[to]! += count;
    this.#references[from]! -= count - 1;
    this.drop(from);
  }

  /** Whether its routes share a group in the kernel, and each has none of its own. */
  isShared(id: number): boolean {
    const target = this.#targets[id];
    return target !== undefined && isSharedTarget(target);
  }

  isVia(id: number): boolean {
    return this.#targets[id]?.to === "via";
  }

  /** The numbers of those that `holds` is true of. */
  which(holds: (target: Target) => boolean): ReadonlySet<number> {
    const found = new Set<number>();
    for (const [id, target] of this.#targets.entries())
      if (target !== undefined && holds(target)) found.add(id);
    return found;
  }
}

/** Whether all routes to it share a group in the kernel. */
export const isSharedTarget = (target: Target): boolean => target.to === "via" && !target.resilient;

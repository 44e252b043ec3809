/**
 * The application-level gateways that are wanted and that this kernel has. One that it lacks is a problem and no more: it
 * would have the whole table refused.
 */

import type { Problem } from "../gateway/intent.ts";
import type { Alg } from "../model/alg.ts";
import type { Model } from "../model/model.ts";
import { helpers } from "../nat/algs.ts";
import type { Forwarding } from "./forwarding.ts";

export class Algs {
  readonly #kernel: Pick<Forwarding, "lackedHelpers">;
  readonly #changed: () => void;
  /** Whether the kernel has each, as far as it was asked. */
  readonly #has = new Map<Alg, boolean>();
  #asking = false;
  #applied: { readonly to: Model; readonly model: Model } | undefined;

  /** @param changed - {@link applied} and {@link problems} say something else */
  constructor(kernel: Pick<Forwarding, "lackedHelpers">, changed: () => void) {
    this.#kernel = kernel;
    this.#changed = changed;
  }

  /** `model` with those that the kernel has; the same value for the same one until more is known. */
  applied(model: Model): Model {
    if (model.nat.alg.length === 0) return model;
    if (this.#applied?.to === model) return this.#applied.model;
    if (model.nat.alg.some((alg) => !this.#has.has(alg))) void this.#ask(model.nat.alg);
    const alg = model.nat.alg.filter((wanted) => this.#has.get(wanted) === true);
    const applied = { ...model, nat: { ...model.nat, alg } };
    this.#applied = { to: model, model: applied };
    return applied;
  }

  problems(model: Model): Problem[] {
    return model.nat.alg
      .filter((alg) => this.#has.get(alg) === false)
      .map((subject) => {
        const message = `what ${subject} says of addresses is not translated: this kernel has no helper for it (modules nf_conntrack_${subject} and nf_nat_${subject})`;
        return { code: "nat.alg", subject, message };
      });
  }

  async #ask(wanted: readonly Alg[]): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      for (const alg of wanted) {
        const lacked = await this.#kernel.lackedHelpers([...helpers({ algs: [alg] }).values()]);
        this.#has.set(alg, lacked.length === 0);
      }
    } catch {
      // netd is away: it is asked with the next pass, which there is when it is back.
      this.#applied = undefined;
      return;
    } finally {
      this.#asking = false;
    }
    this.#applied = undefined;
    this.#changed();
  }
}

/**
 * The model with its objects, kept up from one change to the next. A change of a floating IP, or of a port that one leads
 * to, costs what it touches; any other that counts has all of it derived again. Both come to the same.
 */

import { sameAddress } from "../bgp/net/address.ts";
import { amended } from "../model/amended.ts";
import type { FloatingIp, Model } from "../model/model.ts";
import { isRouterInterface, type Port } from "./objects.ts";
import type { Applied, Reading } from "./tables.ts";
import { byAddress, type Derivation, derive, floatingAt } from "./wanted.ts";

interface Known extends Derivation {
  readonly file: Model;
  readonly egress: FloatingIp["egress"];
}

export class KeptModel {
  #known: Known | undefined;
  /** Floating IPs that may be otherwise than the model has them. */
  readonly #stirred = new Set<string>();

  /** @param changes - what was done to the objects; undefined: they are others altogether */
  changed(changes: readonly Applied[] | undefined, reading: Reading): void {
    if (changes === undefined) this.#known = undefined;
    for (const change of changes ?? []) this.#stir(change, reading);
  }

  /** The same value as long as it would be equal. @param egress - of floating IPs */
  model(file: Model, reading: Reading, egress: FloatingIp["egress"]): Model {
    const known = this.#known;
    if (known?.file === file && known.egress === egress) {
      if (this.#stirred.size === 0) return known.model;
      const model = known.claims.isContested ? undefined : this.#amend(known, reading);
      this.#stirred.clear();
      if (model !== undefined) return model;
    }
    this.#stirred.clear();
    this.#known = { ...derive(file, reading, egress), file, egress };
    return this.#known.model;
  }

  #stir({ collection, id, before, after }: Applied, reading: Reading): void {
    if (this.#known === undefined || COUNTS_FOR_NOTHING.has(collection)) return;
    if (collection === "floatingips") this.#stirred.add(id);
    else if (collection === "ports" && !this.#isSpecial(before) && !this.#isSpecial(after)) {
      for (const floating of reading.by("floatingips", "port", id)) this.#stirred.add(floating.id);
    } else this.#known = undefined;
  }

  /** More depends on it than the floating IPs that lead to it. */
  #isSpecial(object: Applied["before"]): boolean {
    if (object === undefined) return false;
    const port = object as Port;
    const isHere = port["binding:host_id"] === this.#known?.file.hostname;
    return isHere || isRouterInterface(port) || port.allowed_address_pairs.length > 0;
  }

  /** Undefined: more than floating IPs depends on what changed. */
  #amend(known: Known, reading: Reading): Model | undefined {
    const { file, egress, claims, floating } = known;
    const gone: FloatingIp[] = [];
    const come: [string, FloatingIp][] = [];
    for (const id of this.#stirred) {
      const before = floating.get(id);
      const object = reading.get("floatingips", id);
      const after = object && floatingAt(reading, file, claims, egress, object);
      if (before !== undefined && after !== undefined && isEqual(before, after)) continue;
      if (before !== undefined) {
        gone.push(before);
        claims.release(before.address);
        floating.delete(id);
      }
      if (after !== undefined) come.push([id, after]);
    }
    if (gone.length + come.length === 0) return known.model;
    for (const [id, after] of come) {
      if (!claims.take(after.address)) return undefined;
      floating.set(id, after);
    }
    const { floatingIps } = known.model;
    const others = floatingIps.length - (floating.size + gone.length - come.length);
    const added = come.map(([, after]) => after);
    const model = {
      ...known.model,
      floatingIps: amended(floatingIps, byAddress, gone, added, others),
    };
    this.#known = { ...known, model };
    return model;
  }
}

/** Of which no model is made. What is made of networks are their subnets. */
const COUNTS_FOR_NOTHING: ReadonlySet<Applied["collection"]> = new Set([
  "networks",
  "subnetpools",
  "address_scopes",
  "security_groups",
  "security_group_rules",
  "quotas",
]);

const isEqual = (a: FloatingIp, b: FloatingIp): boolean =>
  sameAddress(a.address, b.address) && a.to !== undefined && b.to !== undefined && sameAddress(a.to, b.to);

/**
 * Gives private hosts the mappings that they ask for, and takes them back. The kernel's map is the memory: it outlives
 * this process, and when it is lost so is the time since when none was (RFC 6887 section 8.5). One request at a time.
 */

import type { Address } from "../../bgp/net/address.ts";
import type { Translation } from "../../kernel/commands.ts";
import type { EndpointQuery, FoundEndpoint } from "../../kernel/nft/endpoints.ts";
import type { Endpoint } from "../../model/model.ts";
import type { Pcp } from "../../model/pcp.ts";
import {
  epochText,
  type Grant,
  type Granted,
  grantText,
  NO_EPOCH,
  parseGranted,
  releaseText,
} from "../../nat/granted.ts";
import { GRANTS } from "../../nat/layout.ts";
import { isIn, type Place, type PlaceOf, placesOf, stands } from "../../nat/places.ts";
import type { NatTable } from "../../nat/table.ts";
import { type Ask, lifetimeWithin, type Outcome, portsFor, refused, suggests } from "../../pcp/ask.ts";
import { Grants, secondsLeft } from "../../pcp/grants.ts";

/** What of the kernel mappings are made of. Rejects while netd is away. */
export interface GrantKernel {
  endpoint(query: EndpointQuery): Promise<FoundEndpoint | undefined>;
  granted(): Promise<string | undefined>;
  applyNat(nftables: string): Promise<void>;
  forget(translation: Translation): Promise<number>;
}

export interface GrantingOptions {
  readonly kernel: GrantKernel;
  /** The table that the kernel holds; undefined while it is not the one that is wanted. */
  readonly table: () => NatTable | undefined;
  readonly settings: () => Pcp;
  /** Of a clock that goes on while this process does not run, and begins anew when the kernel does. */
  readonly nowSeconds: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Mappings were lost: hosts are to be told. */
  readonly lost: () => void;
}

export class Granting {
  readonly #options: GrantingOptions;
  readonly #grants = new Grants();
  /** When the mappings that there are began to be kept; undefined: it is not known yet. */
  #startedAt: number | undefined;
  #places: { readonly of: NatTable; readonly placeOf: PlaceOf } | undefined;

  constructor(options: GrantingOptions) {
    this.#options = options;
  }

  /** It is known which mappings there are. */
  get isKnown(): boolean {
    return this.#startedAt !== undefined;
  }

  /** Mappings may be asked for. */
  get isReady(): boolean {
    return this.isKnown && this.#options.table()?.grants === true;
  }

  /** RFC 6887 section 8.5. */
  get epochSeconds(): number {
    return Math.max(
      0,
      Math.floor(this.#options.nowSeconds() - (this.#startedAt ?? Number.POSITIVE_INFINITY)),
    );
  }

  /** Those that there are, with the seconds that each has left. */
  list(): { readonly grant: Grant; readonly leftSeconds: number }[] {
    const now = this.#options.nowSeconds();
    return [...this.#grants.all()]
      .map((grant) => ({ grant, leftSeconds: secondsLeft(grant, now) }))
      .filter(({ leftSeconds }) => leftSeconds > 0);
  }

  /** Where an address leaves by; undefined: it is not translated, or as a floating IP. */
  placeOf(address: Address): Place | undefined {
    const table = this.#options.table();
    if (table === undefined) return undefined;
    if (this.#places?.of !== table) this.#places = { of: table, placeOf: placesOf(table) };
    return this.#places.placeOf(address);
  }

  /** What is asked for, as far as it may be had. */
  async answer(ask: Ask): Promise<Outcome> {
    const now = this.#options.nowSeconds();
    this.#grants.expire(now);
    const before = this.#grants.of(ask.protocol, ask.private);
    const left = before === undefined ? 0 : secondsLeft(before, now);
    // RFC 6887 section 11.3: who does not know the nonce neither changes nor ends it.
    if (left > 0 && before?.nonce !== ask.nonce) return { result: "notAuthorized", lifetimeSeconds: left };
    try {
      return await (ask.lifetimeSeconds === 0 ? this.#end(before) : this.#map(ask, before));
    } catch {
      return refused("networkFailure");
    }
  }

  /** Ends all of a private address that it knows the nonce of; @param protocol - undefined: any */
  async endAll(address: Address, protocol: number | undefined, nonce: string): Promise<Outcome> {
    const own = [...this.#grants.all()].filter(
      (grant) =>
        grant.private.address.w0 === address.w0 &&
        grant.nonce === nonce &&
        (protocol === undefined || grant.protocol === protocol),
    );
    try {
      for (const grant of own) await this.#end(grant);
      return ENDED;
    } catch {
      return refused("networkFailure");
    }
  }

  /**
   * Brings what is known here and what the kernel has together: for the first time, what the kernel kept is what there
   * is; from then on, it is what is known here. What the configuration leaves no place for is lost.
   */
  async sync(): Promise<void> {
    const { kernel, table, nowSeconds } = this.#options;
    const wanted = table();
    const listing = wanted && (await kernel.granted());
    if (wanted === undefined || listing === undefined) return;
    const now = nowSeconds();
    this.#grants.expire(now);
    const held = parseGranted(listing, now);
    this.#adopt(held, now);
    const gone = [...this.#grants.all()].filter((grant) => !(wanted.grants && stands(wanted, grant)));
    for (const grant of gone) this.#grants.delete(grant);
    await this.#write(held.grants, now);
    if (!wanted.grants) {
      this.#startedAt = undefined;
      await kernel.applyNat(NO_EPOCH);
    } else if (this.#startedAt === undefined || gone.length > 0) await this.#beginAnew(now);
    else if (held.startedAt !== this.#startedAt) await kernel.applyNat(epochText(this.#startedAt));
  }

  /** What the kernel kept from a time before this process. A time that is still to come is of another clock. */
  #adopt({ startedAt, grants }: Granted, now: number): void {
    if (this.#startedAt !== undefined || startedAt === undefined || startedAt > now) return;
    this.#startedAt = startedAt;
    for (const grant of grants) if (this.#isFree(grant)) this.#grants.put(grant);
  }

  /** Makes the kernel have what is known here, and nothing else. */
  async #write(held: readonly Grant[], now: number): Promise<void> {
    const known = (grant: Grant): boolean => {
      const own = this.#grants.of(grant.protocol, grant.private);
      return own !== undefined && own.nonce === grant.nonce && sameEndpoint(own.public, grant.public);
    };
    const kept = new Set(held.filter(known).map((grant) => this.#grants.of(grant.protocol, grant.private)));
    const missing = [...this.#grants.all()].filter(
      (grant) => !kept.has(grant) && secondsLeft(grant, now) > 0,
    );
    const text = [
      ...held.filter((grant) => !known(grant)).map(releaseText),
      ...missing.map((grant) => grantText(grant, secondsLeft(grant, now))),
    ].join("");
    if (text !== "") await this.#options.kernel.applyNat(text);
  }

  async #beginAnew(now: number): Promise<void> {
    const startedAt = Math.floor(now);
    await this.#options.kernel.applyNat(epochText(startedAt));
    this.#startedAt = startedAt;
    this.#options.lost();
  }

  /** A kernel that somebody wrote to by hand may say that two have one endpoint. */
  #isFree = ({ protocol, private: inner, public: outer }: Grant): boolean =>
    this.#grants.of(protocol, inner) === undefined && this.#grants.holderOf(protocol, outer) === undefined;

  async #map(ask: Ask, before: Grant | undefined): Promise<Outcome> {
    const settings = this.#options.settings();
    const place = this.placeOf(ask.private.address);
    if (place === undefined) return refused("notAuthorized");
    const seconds = lifetimeWithin(settings, ask.lifetimeSeconds);
    if (before !== undefined && isIn(place, before.public)) {
      // Section 13.2: it is there, and it is not the one that is wanted.
      if (ask.preferFailure && !suggests(ask, before.public)) return refused("cannotProvideExternal");
      return this.#grant(ask, before.public, seconds);
    }
    if (before === undefined && this.#grants.countOf(ask.private.address) >= settings.mappingsPerAddress)
      return refused("userExceededQuota");
    if (this.#grants.size >= GRANTS) return refused("noResources");
    const port = await this.#choose(ask, place);
    if (port === undefined) return refused(ask.preferFailure ? "cannotProvideExternal" : "noResources");
    if (before !== undefined) await this.#end(before);
    return this.#grant(ask, { address: place.address, port }, seconds);
  }

  async #grant(ask: Ask, external: Endpoint, seconds: number): Promise<Outcome> {
    const { protocol, nonce } = ask;
    const endsAt = this.#options.nowSeconds() + seconds;
    const grant: Grant = { protocol, private: ask.private, public: external, nonce, endsAt };
    await this.#options.kernel.applyNat(grantText(grant, seconds));
    this.#grants.put(grant);
    return { result: "success", lifetimeSeconds: seconds, external };
  }

  /** Section 15.1: it ends at once, and so do the flows that came in by it. */
  async #end(grant: Grant | undefined): Promise<Outcome> {
    if (grant === undefined) return ENDED;
    const { applyNat, forget } = this.#options.kernel;
    await applyNat(releaseText(grant));
    this.#grants.delete(grant);
    const { port } = grant.public;
    const ports = { protocol: grant.protocol === 6 ? "tcp" : "udp", first: port, last: port } as const;
    await forget({ public: grant.public.address, private: grant.private.address, ports });
    return ENDED;
  }

  /** A port that is nobody else's, or that its own packets have already. */
  async #choose(ask: Ask, place: Place): Promise<number | undefined> {
    const { kernel, random } = this.#options;
    const { protocol } = ask;
    const { address } = place;
    // Section 11.3: a mapping that its packets made becomes the one that it asked for.
    const implicit = await kernel.endpoint({ map: "mapping", protocol, ...ask.private });
    if (implicit !== undefined && isIn(place, implicit) && !this.#grants.holderOf(protocol, implicit))
      return ask.preferFailure && !suggests(ask, implicit) ? undefined : implicit.port;
    for (const port of portsFor(ask, place, random)) {
      if (this.#grants.holderOf(protocol, { address, port }) !== undefined) continue;
      const owner = await kernel.endpoint({ map: "endpoints", protocol, address, port });
      if (owner === undefined || sameEndpoint(owner, ask.private)) return port;
    }
    return undefined;
  }
}

const ENDED: Outcome = { result: "success", lifetimeSeconds: 0 };

const sameEndpoint = (a: Endpoint, b: Endpoint): boolean =>
  a.address.w0 === b.address.w0 && a.port === b.port;

/**
 * Pools and anycast services that are made through the API. They lie in the store, so that all that share it have them,
 * each in the words of gateway.yaml, and are part of the model behind what the file says. What the file says comes first:
 * an object that goes no longer with a file is left out, and told as a problem.
 */

import { Refusal } from "../../api/answers.ts";
import type { OwnApi } from "../../api/own.ts";
import type { OwnAnswer, OwnKind } from "../../api/own-schema.ts";
import { pathText } from "../../config/findings.ts";
import { problemsOf } from "../../config/issues.ts";
import { sections } from "../../config/schema.ts";
import type { Problem } from "../../gateway/intent.ts";
import type { AnycastService, Model, Pool } from "../../model/model.ts";
import { violations } from "../../model/rules.ts";
import type { Violation } from "../../model/violation.ts";
import { isOfPorts, isOfRouter } from "../../neutron/wanted.ts";
import { follow } from "../../store/follow.ts";
import { Reached } from "../../store/reached.ts";
import { type Batch, type Snapshot, type Store, StoreError } from "../../store/store.ts";

const PREFIX = "/v1/gateway/";
/** Written by every commit, so that each is worked out on all that there is. */
const HEAD = `${PREFIX}head`;

/** Objects of each kind. */
const OWN_OBJECTS = 1000;

/** Attempts of one request when others write at the same time. */
const TRIES = 20;

type Definition = Readonly<Record<string, unknown>>;

type Own = { readonly name: string; readonly definition: Definition } & (
  | { readonly kind: "anycast"; readonly value: AnycastService }
  | { readonly kind: "pools"; readonly value: Pool }
);

interface Surroundings {
  /** What gateway.yaml says. */
  readonly file: () => Model;
  /** All of it that is in force. */
  readonly model: () => Model;
  readonly changed: () => void;
}

export class OwnObjects implements OwnApi {
  readonly #store: Store;
  readonly #around: Surroundings;
  readonly #known = new Map<string, Own>();
  #head = 0;
  readonly #reached = new Reached();
  #stopFollowing: () => void = () => undefined;
  #lane: Promise<unknown> = Promise.resolve();
  #extended: Extended | undefined;

  /** @throws StoreError */
  static async open(store: Store, around: Surroundings): Promise<OwnObjects> {
    const own = new OwnObjects(store, around);
    own.#stopFollowing = await follow(store, PREFIX, {
      reset: (snapshot) => own.#reset(snapshot),
      take: (batch) => own.#take(batch),
    });
    return own;
  }

  private constructor(store: Store, around: Surroundings) {
    this.#store = store;
    this.#around = around;
  }

  /** Takes no further notice of the store, which stays open. */
  close(): void {
    this.#stopFollowing();
  }

  /** The same value as long as neither the file nor the objects are others. */
  extend(file: Model): Model {
    if (this.#extended?.file !== file) this.#extended = extended(file, [...this.#known.values()]);
    return this.#extended.model;
  }

  problems(): readonly Problem[] {
    return this.#extended?.problems ?? [];
  }

  list(kind: OwnKind): readonly OwnAnswer[] {
    const ofFile = namesIn(this.#around.file(), kind);
    const own = [...this.#known.values()].filter((one) => one.kind === kind && !ofFile.has(one.name));
    const answers: OwnAnswer[] = [
      ...[...ofFile].map((name) => ({ name, origin: "file" }) as const),
      ...own.map(({ name, definition }) => ({ name, origin: "api", definition }) as const),
    ];
    return answers.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  put(kind: OwnKind, name: string, definition: unknown): Promise<boolean> {
    const wanted = ownOf(kind, name, definition);
    return this.#inTurn(async () => {
      const key = keyOf(wanted);
      const isNew = !this.#known.has(key);
      this.#requireFits(wanted, isNew);
      const put = [
        { key: HEAD, value: "{}" },
        { key, value: JSON.stringify(wanted.definition) },
      ];
      return (await this.#commit({ put })) ? isNew : undefined;
    });
  }

  async remove(kind: OwnKind, name: string): Promise<void> {
    await this.#inTurn(async () => {
      refuseFile(this.#around.file(), kind, name);
      const key = keyOf({ kind, name });
      if (!this.#known.has(key)) {
        throw new Refusal(
          "object.unknown",
          `there is no such thing in ${kind}`,
          `GET /api/v1/${kind} lists them`,
        );
      }
      const model = this.#around.model();
      refuseErrors(model, withoutOwn(model, { kind, name }), `${name} is in use: `);
      return (await this.#commit({ put: [{ key: HEAD, value: "{}" }], remove: [key] })) ? true : undefined;
    });
  }

  #requireFits(wanted: Own, isNew: boolean): void {
    refuseFile(this.#around.file(), wanted.kind, wanted.name);
    const count = [...this.#known.values()].filter(({ kind }) => kind === wanted.kind).length;
    if (isNew && count >= OWN_OBJECTS) {
      throw new Refusal("object.conflict", `there are ${OWN_OBJECTS} of them, and no more are possible`);
    }
    const model = this.#around.model();
    refuseErrors(model, withOwn(withoutOwn(model, wanted), [wanted]));
  }

  /** One after the other, and again when another process was first: `attempt` gives undefined then. */
  #inTurn<T>(attempt: () => Promise<T | undefined>): Promise<T> {
    const turn = this.#lane.then(async () => {
      for (let i = 0; i < TRIES; i++) {
        const done = await attempt();
        if (done !== undefined) return done;
      }
      throw new Refusal("store.unavailable", "others write all the time", "try again");
    });
    this.#lane = turn.catch(() => undefined);
    return turn;
  }

  /** True when it is done, and seen here; false when somebody else was first. */
  async #commit(commit: Pick<Parameters<Store["commit"]>[0], "put" | "remove">): Promise<boolean> {
    try {
      const require = [{ key: HEAD, modRevision: this.#head }];
      const before = this.#reached.revision;
      const done = await this.#store.commit({ require, ...commit });
      const isTold = await this.#reached.until(done.ok ? done.revision : before + 1);
      if (done.ok || isTold) return done.ok;
      throw new StoreError("unavailable", "the store does not tell what others have written");
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.detail.code === "too-large") throw new Refusal("object.invalid", error.message);
      if (error.detail.code === "full") throw new Refusal("store.full", error.message, "make room there");
      throw new Refusal("store.unavailable", error.message, "gwctl store show tells how it is");
    }
  }

  #reset({ revision, entries }: Snapshot): void {
    this.#known.clear();
    for (const [key, { value }] of entries) this.#takeOne(key, value);
    this.#head = entries.get(HEAD)?.modRevision ?? 0;
    this.#seen(revision);
  }

  #take({ revision, changes }: Batch): void {
    for (const { key, value } of changes) this.#takeOne(key, value);
    if (changes.some(({ key }) => key === HEAD)) this.#head = revision;
    this.#seen(revision);
  }

  #takeOne(key: string, value: string | undefined): void {
    const own = value === undefined ? undefined : read(key, value);
    if (own === undefined) this.#known.delete(key);
    else this.#known.set(key, own);
  }

  #seen(revision: number): void {
    this.#extended = undefined;
    this.#reached.seen(revision);
    this.#around.changed();
  }
}

const keyOf = ({ kind, name }: Pick<Own, "kind" | "name">): string => `${PREFIX}${kind}/${name}`;

/** Undefined for keys that hold none, and for what an older or newer gateway wrote that this one does not take. */
function read(key: string, value: string): Own | undefined {
  const [kind, name] = key.slice(PREFIX.length).split("/");
  if ((kind !== "anycast" && kind !== "pools") || name === undefined) return undefined;
  try {
    return ownOf(kind, name, JSON.parse(value));
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** @throws Refusal */
function ownOf(kind: OwnKind, name: string, given: unknown): Own {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new Refusal("object.invalid", "a JSON object is expected", "what gateway.yaml has, without `name`");
  }
  if (Object.hasOwn(given, "name")) {
    throw new Refusal("object.invalid", "the path says the name already", "take `name` out");
  }
  if (kind === "anycast" ? isOfPorts(name) : isOfRouter(name)) {
    throw new Refusal("object.invalid", `${name} is a name of what objects make`, "choose another one");
  }
  const definition = given as Definition;
  const raw = [{ name, ...definition }];
  if (kind === "anycast") {
    const parsed = sections.anycast.safeParse(raw);
    if (!parsed.success) throw refusalOf(parsed.error.issues, raw);
    return { kind, name, definition, value: parsed.data[0]! };
  }
  const whole = { pools: raw };
  const parsed = sections.nat.safeParse(whole);
  if (!parsed.success) throw refusalOf(parsed.error.issues, whole);
  return { kind, name, definition, value: parsed.data.pools[0]! };
}

/** The first mistake, and where it stands in the object. */
function refusalOf(issues: Parameters<typeof problemsOf>[0], raw: unknown): Refusal {
  const [first] = problemsOf(issues, raw);
  if (first === undefined) throw new TypeError("an object is refused without a mistake");
  const place = pathText(first.path.slice(first.path.indexOf(0) + 1));
  return new Refusal("object.invalid", `${place === "" ? "" : `${place}: `}${first.message}`, first.hint);
}

const namesIn = ({ anycast, nat }: Model, kind: OwnKind): ReadonlySet<string> =>
  new Set((kind === "anycast" ? anycast : nat.pools).map(({ name }) => name));

function refuseFile(file: Model, kind: OwnKind, name: string): void {
  if (!namesIn(file, kind).has(name)) return;
  const hint = "change it there, and have gatewayd read it again: kill -HUP";
  throw new Refusal("object.ofFile", `${name} stands in gateway.yaml`, hint);
}

interface Extended {
  readonly file: Model;
  readonly model: Model;
  readonly problems: readonly Problem[];
}

/** All of them at once where they go together, and that is nearly always; else those that do, by name. */
function extended(file: Model, own: readonly Own[]): Extended {
  if (own.length === 0) return { file, model: file, problems: [] };
  const all = withOwn(file, own);
  if (newErrors(file, all).length === 0) return { file, model: all, problems: [] };
  const problems: Problem[] = [];
  let model = file;
  for (const one of own.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))) {
    const next = withOwn(model, [one]);
    const [fault] = newErrors(model, next);
    if (fault === undefined) model = next;
    else
      problems.push({ code: "object.leftOut", subject: `${one.kind} ${one.name}`, message: fault.message });
  }
  return { file, model, problems };
}

/** Pools are the gateways' business; a host only announces. */
function withOwn(model: Model, own: readonly Own[]): Model {
  const services = own.flatMap((one) => (one.kind === "anycast" ? [one.value] : []));
  const pools = own.flatMap((one) => (one.kind === "pools" && model.role === "gateway" ? [one.value] : []));
  return {
    ...model,
    anycast: [...model.anycast, ...services],
    nat: { ...model.nat, pools: [...model.nat.pools, ...pools] },
  };
}

const withoutOwn = (model: Model, { kind, name }: Pick<Own, "kind" | "name">): Model =>
  kind === "anycast"
    ? { ...model, anycast: model.anycast.filter((service) => service.name !== name) }
    : { ...model, nat: { ...model.nat, pools: model.nat.pools.filter((pool) => pool.name !== name) } };

/** @throws Refusal for what is wrong behind a change, and was not before it */
function refuseErrors(before: Model, after: Model, prefix = ""): void {
  const [fault] = newErrors(before, after);
  if (fault !== undefined) throw new Refusal("object.conflict", `${prefix}${fault.message}`, fault.hint);
}

/** What is wrong behind a change, and was not before it. */
function newErrors(before: Model, after: Model): readonly Violation[] {
  const errorsOf = (model: Model): Violation[] =>
    violations(model).filter(({ severity }) => severity === "error");
  const old = new Set(errorsOf(before).map(({ message }) => message));
  return errorsOf(after).filter(({ message }) => !old.has(message));
}

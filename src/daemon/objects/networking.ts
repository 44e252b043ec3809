/** The Networking API of this daemon: its objects in a store, and who may have them made. */

import { randomUUID } from "node:crypto";
import type { AuthorityOf } from "../../api/guard.ts";
import type { NetworkingApi } from "../../api/openstack.ts";
import { contains } from "../../bgp/net/address.ts";
import { ChangeMarks } from "../../bgp/net/change-marks.ts";
import { parseAddress } from "../../bgp/net/text.ts";
import type { ApiSettings } from "../../config/settings.ts";
import type { Problem } from "../../gateway/intent.ts";
import type { People } from "../../identity/people.ts";
import { type Session, type Standing, sessionOf } from "../../identity/tokens.ts";
import type { Model } from "../../model/model.ts";
import { stored } from "../../neutron/addresses.ts";
import { type Advertisement, advertisementsOf } from "../../neutron/advertisements.ts";
import { answerBgp, type BgpFace, isBgp } from "../../neutron/bgp.ts";
import type { Caller, World } from "../../neutron/caller.ts";
import { dhcpOf } from "../../neutron/dhcp.ts";
import { Hosts } from "../../neutron/hosts.ts";
import { Keeper } from "../../neutron/keeper.ts";
import { KeptModel } from "../../neutron/kept-model.ts";
import { Claims, isElsewhere, portsBehind } from "../../neutron/wanted.ts";
import type { Store } from "../../store/store.ts";
import type { ObjectsView } from "../answers/explain/source.ts";
import { systemClock } from "../clock.ts";
import type { Objects } from "../gateway.ts";
import { type DhcpServer, uplinkOf } from "./dhcp-server.ts";
import type { OwnObjects } from "./own.ts";
import { Presence } from "./presence.ts";

/** Where nobody is asked who they are, everything is one project's. */
const UNASKED: Caller = { projectId: "admin", role: "admin" };

/** In seconds. */
export const unixTime = (): number => Math.floor(Date.now() / 1000);

/** What it hears of, and tells, the gateway; asked for whenever it is needed. */
interface Surroundings {
  readonly api: () => ApiSettings;
  /** Undefined: there are none, and no tokens. */
  readonly people: () => People | undefined;
  readonly standing: Standing;
  readonly isReachable: () => World["isReachable"];
  /** What gateway.yaml says. */
  readonly file: () => Model;
  readonly changed: () => void;
  /** Objects changed, and nothing else. */
  readonly amended: () => void;
  readonly own: Pick<OwnObjects, "extend" | "problems">;
  /** Of the speaker that runs; asked for by requests only. */
  readonly bgp: () => BgpFace;
  /** Of the store. */
  readonly problems: () => readonly Problem[];
}

export interface Networking extends NetworkingApi, Objects {
  readonly authority: AuthorityOf;
  readonly view: () => ObjectsView;
  /** What it has seen of the store last. */
  readonly holds: () => { readonly revision: number; readonly objects: Readonly<Record<string, number>> };
  readonly close: () => Promise<void>;
}

interface Machine {
  readonly hostname: string;
  /** Undefined: none of ours. It is stopped with the API. */
  readonly dhcp: DhcpServer | undefined;
}

/** @throws StoreError */
export async function openNetworking(
  store: Store,
  { hostname, dhcp }: Machine,
  around: Surroundings,
): Promise<Networking> {
  const presence = new Presence({ store, hostname, clock: systemClock, changed: around.changed });
  const marks = new ChangeMarks();
  const hosts = await Hosts.open(store, marks, (known) => presence.seen(known.get(hostname)));
  /** Of what gateway.yaml says, with the pools and services of the API. */
  const model = new KeptModel();
  let advertisements: readonly Advertisement[] | undefined;
  const saidBy = keptClaims();
  const keeper = await Keeper.open(
    store,
    () => ({
      now: `${new Date().toISOString().slice(0, 19)}Z`,
      newId: randomUUID,
      chance: Math.random,
      isReachable: around.isReachable(),
      marks,
      isRouted: (text) => isIn(around.file().networks, text),
      isSaid: (text) => saidBy(around.own.extend(around.file())).has(stored(text)),
      routerDistributed: around.api().routerDistributed,
      hostSays: (port) => hosts.says(port),
    }),
    (changes, reading) => {
      model.changed(changes, reading);
      advertisements = undefined;
      around.amended();
    },
  );
  return {
    ask: (caller, request) =>
      isBgp(request) ? answerBgp(around.bgp(), keeper.reading, caller, request) : keeper.ask(caller, request),
    ...recognition(around),
    extend: (file) => model.model(around.own.extend(file), keeper.reading, around.api().floatingEgress),
    marks,
    isElsewhere: (address) => isElsewhere(keeper.reading, hostname, address),
    view: () => ({
      reading: keeper.reading,
      host: (name) => hosts.get(name),
      says: (port) => hosts.says(port),
    }),
    holds: () => keeper.holds,
    advertisements: () => {
      advertisements ??= dhcp === undefined ? [] : advertisementsOf(keeper.reading, hostname);
      return advertisements;
    },
    working: (current, interfaces, links) => {
      presence.report(portsBehind(keeper.reading, hostname, interfaces));
      dhcp?.want(dhcpOf(keeper.reading, hostname), uplinkOf(current, links), links);
    },
    dhcp: () => dhcp?.state,
    problems: () => [
      ...around.problems(),
      ...around.own.problems(),
      ...(presence.problem === undefined ? [] : [presence.problem]),
      ...(dhcp?.problems ?? []),
    ],
    close: async () => {
      keeper.close();
      hosts.close();
      await Promise.all([presence.stop(), dhcp?.stop()]);
    },
  };
}

/** Who asks, and what they may. */
function recognition(around: Surroundings): Pick<Networking, "caller" | "authority"> {
  const sessionBy = (token: string | undefined): Session | undefined => {
    const people = around.people();
    return people && token !== undefined ? sessionOf(people, token, unixTime(), around.standing) : undefined;
  };
  return {
    caller: (token, isLocal) => {
      const session = sessionBy(token);
      if (session !== undefined) return { projectId: session.project.id, role: session.role };
      return isLocal || around.api().auth === "none" ? UNASKED : undefined;
    },
    authority: (token, isSocket) => {
      if (isSocket || around.api().auth === "none") return "write";
      const session = sessionBy(token);
      if (session === undefined || session.role === "admin") return session && "write";
      // The gateway's own state is that of all projects: others' readers see what is theirs in the Networking API.
      return session.project.name === UNASKED.projectId ? "read" : "none";
    },
  };
}

/** Of a model its addresses, gathered once: gateway.yaml may have tens of thousands. */
function keptClaims(): (model: Model) => Claims {
  let known: { readonly model: Model; readonly claims: Claims } | undefined;
  return (model) => {
    if (known?.model !== model) known = { model, claims: new Claims(model) };
    return known.claims;
  };
}

function isIn(networks: Model["networks"], text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && networks.some(({ cidr }) => contains(cidr, address));
}

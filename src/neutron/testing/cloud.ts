/** The API without HTTP and store: requests in, answers or faults out, ids that can be foretold. */

import { ChangeMarks } from "../../bgp/net/change-marks.ts";
import type { Caller, World } from "../caller.ts";
import { errorBody, Fault } from "../fault.ts";
import type { View } from "../members.ts";
import type { QueryPairs } from "../query.ts";
import { type ApiRequest, answerTo } from "../service.ts";
import { Draft, Tables } from "../tables.ts";

export const ADMIN: Caller = { projectId: "admin", role: "admin" };
export const ALICE: Caller = { projectId: "alice", role: "member" };
export const BOB: Caller = { projectId: "bob", role: "member" };

/** Ids count up; chance runs through its numbers evenly. */
export function countingWorld(): World {
  let count = 0;
  return {
    now: "2026-01-01T00:00:00Z",
    newId: () => `00000000-0000-4000-8000-${String(++count).padStart(12, "0")}`,
    isReachable: () => true,
    marks: new ChangeMarks(),
    isRouted: () => false,
    isSaid: () => false,
    hostSays: () => undefined,
    routerDistributed: false,
    chance: () => (++count * 0.618_033_988_749_894_9) % 1,
  };
}

export interface Said {
  readonly status: number;
  readonly type?: string;
  readonly message?: string;
}

export interface Asked {
  readonly status: number;
  /** What is said beside the answer. */
  readonly notes?: readonly string[];
  readonly body: Readonly<Record<string, unknown>>;
}

export class Cloud {
  readonly tables: Tables = new Tables();
  readonly world: World;

  constructor(around: Partial<World> = {}) {
    this.world = { ...countingWorld(), ...around };
  }

  /** What a request is answered, done when it succeeds. */
  ask(
    method: ApiRequest["method"],
    target: string,
    given?: unknown,
    caller: Caller = ADMIN,
    ifMatch?: string,
  ): Asked {
    const [path = "", search = ""] = target.split("?");
    const query: QueryPairs = [...new URLSearchParams(search)];
    const draft = new Draft(this.tables);
    const request: ApiRequest = {
      method,
      path: path.split("/"),
      query,
      body: given,
      url: `http://test/v2.0/${path}`,
      ...(ifMatch !== undefined && { ifMatch }),
    };
    try {
      const { status, body, pieces, notes = [] } = answerTo({ draft, caller, world: this.world }, request);
      const answered =
        pieces === undefined ? (body ?? {}) : JSON.parse(Buffer.concat([...pieces]).toString());
      this.tables.apply(draft.changes);
      return { status, body: answered as Asked["body"], ...(notes.length > 0 && { notes }) };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { status: error.detail.status, body: errorBody(error) as Asked["body"] };
    }
  }

  /** Makes one object and gives it as answered. @throws Error when it is refused */
  make(
    path: string,
    name: string,
    attributes: object,
    caller: Caller = ADMIN,
  ): View & { readonly id: string } {
    const { status, body } = this.ask("POST", path, { [name]: attributes }, caller);
    if (status !== 201) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
    return body[name] as View & { readonly id: string };
  }

  /** What was refused, and how. */
  said(...args: Parameters<Cloud["ask"]>): Said {
    const { status, body } = this.ask(...args);
    const fault = body["NeutronError"] as { readonly type: string; readonly message: string } | undefined;
    return { status, ...(fault !== undefined && { type: fault.type, message: fault.message }) };
  }
}

export interface Site {
  readonly cloud: Cloud;
  readonly tenant: string;
  readonly inner: string;
  readonly public: string;
  readonly outer: string;
  readonly router: string;
  readonly face: string;
  readonly port: string;
  readonly fixed: string;
}

/** The first seed's objects: a tenant network, a public one, a router between them, and a port of an instance. */
export function site(around: Partial<World> = {}): Site {
  const cloud = new Cloud(around);
  const tenant = cloud.make("networks", "network", { name: "calico", shared: true }).id;
  const inner = cloud.make("subnets", "subnet", {
    network_id: tenant,
    ip_version: 4,
    cidr: "10.65.0.0/24",
    gateway_ip: "10.65.0.1",
  }).id;
  const outside = cloud.make("networks", "network", { name: "public", "router:external": "True" }).id;
  const outer = cloud.make("subnets", "subnet", {
    network_id: outside,
    ip_version: 4,
    cidr: "172.16.1.0/24",
  }).id;
  const router = cloud.make("routers", "router", { name: "router1" }).id;
  const face = cloud.ask("PUT", `routers/${router}/add_router_interface`, { subnet_id: inner }).body[
    "port_id"
  ];
  cloud.ask("PUT", `routers/${router}`, { router: { external_gateway_info: { network_id: outside } } });
  const port = cloud.make("ports", "port", { network_id: tenant, name: "vm" });
  const [{ ip_address: fixed }] = port["fixed_ips"] as [{ ip_address: string }];
  return { cloud, tenant, inner, public: outside, outer, router, face: String(face), port: port.id, fixed };
}

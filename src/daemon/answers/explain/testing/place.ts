/** A gateway, or a host, in memory: objects, a kernel that refuses on command, and a speaker with two peers. */

import { Refusal } from "../../../../api/answers.ts";
import type { ExplainAnswer } from "../../../../api/explain-schema.ts";
import { parsePrefix } from "../../../../bgp/net/text.ts";
import { type Node, node, peer } from "../../../../bgp/speaker/testing/nodes.ts";
import { VirtualNetwork } from "../../../../bgp/speaker/testing/virtual-network.ts";
import type { LearnedRoute } from "../../../../gateway/intent.ts";
import { tagOf } from "../../../../gateway/kinds.ts";
import { Bench } from "../../../../gateway/testing/bench.ts";
import { LINKS, model } from "../../../../gateway/testing/values.ts";
import type { Model } from "../../../../model/model.ts";
import type { HostState } from "../../../../neutron/hosts.ts";
import { type Site, site } from "../../../../neutron/testing/cloud.ts";
import { withObjects } from "../../../../neutron/wanted.ts";
import { explainAnswer } from "../explain.ts";
import type { ExplainSource } from "../source.ts";

export interface Place {
  readonly bench: Bench;
  readonly objects: Site;
  readonly hub: Node;
  /** What gateway.yaml says. */
  file: Model;
  learned: readonly LearnedRoute[];
  /** Hosts that gatewayd has run on, and whether they live. */
  readonly hosts: Map<string, boolean>;
  readonly events: ExplainSource["events"][number][];
}

/** As the first seed has it, with the instance's address told by its host. */
export function place(changes: Partial<Model> = {}): Place {
  const net = new VirtualNetwork({ seed: 1 });
  const hub = node(net, 65_000, "192.0.2.1");
  const teller = node(net, 64_512, "192.0.2.2");
  hub.speaker.setPeers([peer("192.0.2.2", 64_512), peer("192.0.2.3", 64_513)]);
  teller.speaker.setPeers([peer("192.0.2.1", 65_000)]);
  teller.speaker.announce([{ prefix: parsePrefix("203.0.113.0/24")!, tag: 0 }]);
  for (const { speaker } of [hub, teller]) speaker.complete();
  net.run(30_000);
  const file = model({ role: "gateway", hostname: "gw1", ...changes });
  const settle = (): void => net.run(1000);
  const made: Place = {
    ...{ bench: new Bench(), objects: site(), hub, file, learned: [] },
    ...{ hosts: new Map(), events: [] },
  };
  settles.set(made, settle);
  return made;
}

/** Time of each place's network. */
const settles = new WeakMap<Place, () => void>();

/** Plans, programs and announces what there is now. */
async function work({ bench, ...at }: Place): Promise<Model> {
  const { objects, file, learned, hub } = at;
  const whole = withObjects(file, objects.cloud.tables, "floating");
  await bench.give({ model: whole, learned, links: LINKS });
  for (const { prefix } of hub.speaker.routes()) hub.speaker.withdraw([prefix]);
  for (const { prefix, kind } of bench.reconciler.snapshot().announced.values())
    hub.speaker.announce([{ prefix, tag: tagOf(kind) }]);
  return whole;
}

/** What is answered, or the code of the refusal. */
export async function explain(at: Place, about: string, from?: string): Promise<ExplainAnswer> {
  const { bench, file, hub, objects, hosts, events } = at;
  const whole = await work(at);
  settles.get(at)?.();
  const now = bench.reconciler.snapshot();
  const host = (name: string): HostState | undefined => {
    const lives = hosts.get(name);
    if (lives === undefined) return undefined;
    return { name, report: lives ? { session: "one", ports: [objects.port] } : undefined, revision: 1 };
  };
  const source: ExplainSource = {
    ...{ model: whole, file, now, links: LINKS, speaker: hub.speaker, events },
    nextHop: () => undefined,
    objects: {
      reading: objects.cloud.tables,
      host,
      says: (port) => host(port["binding:host_id"])?.report?.ports.includes(port.id),
    },
    trace: {
      reconciler: bench.reconciler,
      pcp: undefined,
      forwarding: { follow: () => Promise.resolve(undefined) },
    },
    blocks: { model: whole, epochs: [], spans: [], nowMs: 0 },
    mappings: { model: whole, pcp: undefined },
    problems: now.problems,
  };
  return await explainAnswer(source, from === undefined ? { about } : { about, from });
}

export async function refusal(at: Place, about: string): Promise<Refusal> {
  try {
    const { prefix } = await explain(at, about);
    throw new TypeError(`${about} is explained as ${prefix}`);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

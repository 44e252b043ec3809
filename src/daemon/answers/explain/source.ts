/** What an explanation is made of: the state of the gateway at one moment. */

import type { EventAnswer } from "../../../api/event-schema.ts";
import type { Speaker } from "../../../bgp/speaker/speaker.ts";
import type { Link, Problem } from "../../../gateway/intent.ts";
import type { Snapshot } from "../../../gateway/snapshot.ts";
import type { Model } from "../../../model/model.ts";
import type { HostState } from "../../../neutron/hosts.ts";
import type { Port } from "../../../neutron/objects.ts";
import type { Reading } from "../../../neutron/tables.ts";
import type { OwnRoutes } from "../bgp-answers.ts";
import type { BlockSource } from "../block-answers.ts";
import type { MappingSource } from "../mapping-answers.ts";
import type { TraceSource } from "../trace-answers.ts";

/** Objects of the Networking API, and what hosts say of theirs. */
export interface ObjectsView {
  readonly reading: Reading;
  /** Undefined: no gatewayd has ever run there. */
  readonly host: (name: string) => HostState | undefined;
  /** Whether the host of a port says that packets reach it; undefined: it says nothing. */
  readonly says: (port: Port) => boolean | undefined;
}

export interface ExplainSource {
  /** What is in force, and what of it gateway.yaml says. */
  readonly model: Model;
  readonly file: Model;
  readonly now: Snapshot;
  readonly links: readonly Link[];
  readonly speaker: Speaker;
  readonly nextHop: OwnRoutes["nextHop"];
  readonly objects: ObjectsView;
  readonly trace: TraceSource;
  readonly blocks: BlockSource;
  readonly mappings: MappingSource;
  readonly problems: readonly Problem[];
  /** All that are kept. */
  readonly events: readonly EventAnswer[];
}

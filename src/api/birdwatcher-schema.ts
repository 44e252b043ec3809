/** What birdwatcher 2 answers, in its own names; numbers that it gives as text are text. */

export interface BirdwatcherSource {
  status(): BirdStatus;
  /** By name, which is the peer's address. */
  protocols(): Readonly<Record<string, BirdProtocol>>;
  /** What a peer told us and import policy accepted, or with `filtered` what it did not. Undefined: no such peer. */
  routes(protocol: string, filtered: boolean): Promise<readonly BirdRoute[]> | undefined;
  /** Every accepted path of a prefix, or of the longest one that holds an address. */
  lookUp(prefix: string): readonly BirdRoute[];
}

/** Times are "2006-01-02 15:04:05", UTC. */
interface BirdStatus {
  readonly current_server: string;
  readonly last_reboot: string;
  readonly last_reconfig: string;
  readonly message: string;
  readonly router_id: string;
  readonly version: string;
}

export interface BirdProtocol {
  readonly protocol: string;
  readonly bird_protocol: "BGP";
  readonly state: "up" | "start";
  readonly state_changed: string;
  /** The same, for those who ask for the short list. */
  readonly since: string;
  readonly bgp_state: string;
  readonly neighbor_address: string;
  readonly neighbor_as: number;
  readonly description: string;
  readonly last_error: string;
  readonly routes: { readonly imported: number; readonly filtered: number; readonly exported: number };
}

export interface BirdRoute {
  readonly network: string;
  readonly gateway: string;
  readonly from_protocol: string;
  readonly learnt_from: string;
  readonly interface: string;
  readonly metric: number;
  readonly primary: boolean;
  /** When its session came up. */
  readonly age: string;
  readonly type: readonly string[];
  readonly bgp: {
    readonly origin: string;
    readonly as_path: readonly string[];
    readonly next_hop: string;
    readonly local_pref: string;
    readonly med: string;
    readonly communities: readonly (readonly number[])[];
    readonly large_communities: readonly (readonly number[])[];
    readonly ext_communities: readonly (readonly string[])[];
  };
}

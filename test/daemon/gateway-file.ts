/** Configurations of gateways that only announce, for the tests to change. */

import { type Lab, PORT } from "./lab.ts";

export type PeerEntry = Readonly<Record<string, unknown>>;

export interface GatewayFile {
  /** The last octet of the address that it listens on and dials from. */
  readonly at?: number;
  readonly asn?: number;
  readonly routerId?: string;
  readonly gracefulRestart?: false | object;
  readonly peers?: readonly PeerEntry[];
  /** Further keys of `bgp`. */
  readonly speaker?: Readonly<Record<string, unknown>>;
  /** Whole sections beside `bgp`. */
  readonly sections?: Readonly<Record<string, unknown>>;
}

interface Bgp {
  readonly asn: number;
  readonly routerId: string;
  readonly listen: { readonly addresses: readonly string[]; readonly port: number };
  readonly gracefulRestart?: false | object;
  readonly peers: readonly PeerEntry[];
}

export interface Written {
  readonly bgp: Bgp;
  readonly [section: string]: unknown;
}

/** Named, since an object with a key written `then` is taken for a promise. */
const VERDICT = "then";

export const accept = (match: object = {}): object => ({ match, [VERDICT]: "accept" });

/** The file as a value; its socket is NAME.sock in the lab. Peers believe and are told everything. */
export function gatewayFile(lab: Lab, name: string, wanted: GatewayFile = {}): Written {
  const { at = 1, asn = 65_000, routerId = "192.0.2.1", gracefulRestart, peers = [] } = wanted;
  const { speaker = {}, sections = {} } = wanted;
  return {
    bgp: {
      ...speaker,
      asn,
      routerId,
      listen: { addresses: [lab.address(at)], port: PORT },
      ...(gracefulRestart !== undefined && { gracefulRestart }),
      peers: peers.map((peer) => ({
        port: PORT,
        ...("address" in peer && { localAddress: lab.address(at) }),
        import: [accept()],
        export: [accept()],
        ...peer,
      })),
    },
    api: { socket: lab.path(`${name}.sock`) },
    kernel: { type: "none" },
    ...sections,
  };
}

export function listeningAt(file: Written, addresses: readonly string[], port: number): Written {
  return { ...file, bgp: { ...file.bgp, listen: { addresses, port } } };
}

/** Where BGP listens, and what to do when it cannot. */

import type { NodeWorld } from "../bgp/io/node-world.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { BgpSettings } from "../model/model.ts";

/** @throws Error whose text names address and port, and says what to do */
export async function listenForPeers(world: NodeWorld, listen: BgpSettings["listen"]): Promise<void> {
  try {
    await world.listen(listen);
  } catch (error) {
    throw new Error(listenFailure(error, listen), { cause: error });
  }
}

/** @param error - the system's, from listening */
export function listenFailure(error: unknown, { addresses, port }: BgpSettings["listen"]): string {
  const { code, address, message } = error as NodeJS.ErrnoException & { readonly address?: string };
  const host = address ?? addresses.map(formatAddress).join(", ");
  const where = `BGP cannot listen on ${host} port ${port}`;
  switch (code) {
    case "EADDRINUSE":
      return `${where}: another process does (ss -ltnp 'sport = :${port}' names it); stop it, or change bgp.listen`;
    case "EACCES":
      return `${where}: ports below 1024 need CAP_NET_BIND_SERVICE; start gatewayd as root or with that capability (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE), or choose another bgp.listen.port`;
    case "EADDRNOTAVAIL":
      return `${where}: this machine has no such address; add it to an interface, or change bgp.listen.addresses`;
    case "EAFNOSUPPORT":
      return `${where}: this machine has no such address family; take the address out of bgp.listen.addresses`;
    default:
      return `${where}: ${message}`;
  }
}

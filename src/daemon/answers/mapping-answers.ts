/** Mappings that private hosts asked for, as the API tells them. */

import type { NatMappingsAnswer } from "../../api/nat-schema.ts";
import type { NatMappingsQuery } from "../../api/source.ts";
import { compareAddresses } from "../../bgp/net/address.ts";
import { formatAddress, formatEndpoint } from "../../bgp/net/text.ts";
import type { PcpFigures } from "../../metrics/snapshot.ts";
import type { Model } from "../../model/model.ts";
import type { PcpServer } from "../pcp/pcp-server.ts";

/** What answers follow from. */
export interface MappingSource {
  readonly model: Pick<Model, "nat">;
  readonly pcp: Pick<PcpServer, "granting" | "counts"> | undefined;
}

export function mappingsAnswer({ model, pcp }: MappingSource, query: NatMappingsQuery): NatMappingsAnswer {
  const found = (pcp?.granting.list() ?? []).filter(
    ({ grant }) => query.private === undefined || formatAddress(grant.private.address) === query.private,
  );
  found.sort(
    ({ grant: a }, { grant: b }) =>
      compareAddresses(a.private.address, b.private.address) ||
      a.private.port - b.private.port ||
      a.protocol - b.protocol,
  );
  return {
    listen: model.nat.pcp.listen.map(formatAddress),
    ...(pcp?.granting.isKnown && { epochSeconds: pcp.granting.epochSeconds }),
    mappings: found.map(({ grant, leftSeconds }) => ({
      protocol: grant.protocol === 6 ? "tcp" : "udp",
      private: formatEndpoint(grant.private),
      public: formatEndpoint(grant.public),
      leftSeconds,
    })),
  };
}

export function pcpFigures(pcp: MappingSource["pcp"]): PcpFigures {
  const answered = [...(pcp?.counts.answered ?? [])].map(([key, count]) => {
    const [protocol = "", result = ""] = key.split(" ");
    return { protocol, result, count };
  });
  return { mappings: pcp?.granting.list().length ?? 0, answered, dropped: pcp?.counts.dropped ?? {} };
}

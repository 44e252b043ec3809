/** RPKI caches, and what they say of a prefix, as the API tells them. */

import type { RpkiAnswer, RpkiCacheAnswer, RpkiPrefixAnswer } from "../../api/schema.ts";
import type { RpkiQuery } from "../../api/source.ts";
import { type Prefix, prefixOf, widthOf } from "../../bgp/net/address.ts";
import { formatAddress, formatPrefix, parseAddress } from "../../bgp/net/text.ts";
import type { CacheSnapshot } from "../../bgp/speaker/rpki-cache.ts";
import type { Speaker } from "../../bgp/speaker/speaker.ts";
import { originAs } from "../../bgp/wire/path-attributes.ts";

export function rpkiAnswer({ rpki }: Speaker): RpkiAnswer {
  return {
    caches: rpki.caches().map(cacheAnswer),
    vrps: { ipv4: rpki.count(4), ipv6: rpki.count(6) },
  };
}

export function rpkiPrefixAnswer(speaker: Speaker, query: RpkiQuery): RpkiPrefixAnswer {
  const prefix = prefixFrom(query.prefix);
  const asns = query.asn === undefined ? knownOrigins(speaker, prefix) : [query.asn];
  const { rpki } = speaker;
  return {
    prefix: formatPrefix(prefix),
    origins: asns.map((asn) => ({ asn, validity: rpki.validity(prefix, asn) ?? "not-found" })),
    vrps: rpki.covering(prefix).map((vrp) => ({ ...vrp, prefix: formatPrefix(vrp.prefix) })),
  };
}

function cacheAnswer(cache: CacheSnapshot): RpkiCacheAnswer {
  const { version, sessionId, serial, expiresInMs, lastError } = cache;
  return {
    address: formatAddress(cache.address),
    port: cache.port,
    preference: cache.preference,
    state: cache.state,
    believed: cache.believed,
    ...(version !== undefined && { version }),
    ...(sessionId !== undefined && { sessionId }),
    ...(serial !== undefined && { serial }),
    vrps: cache.vrps,
    ...(expiresInMs !== undefined && { expiresSeconds: Math.max(0, Math.floor(expiresInMs / 1000)) }),
    ...(lastError && {
      lastError: { at: new Date(Date.now() - lastError.agoMs).toISOString(), text: lastError.words },
    }),
  };
}

/** The API has looked at its syntax. */
function prefixFrom(text: string): Prefix {
  const [bare = "", length] = text.split("/");
  const address = parseAddress(bare);
  if (address === undefined) throw new RangeError(`${text} is no prefix`);
  return prefixOf(address, length === undefined ? widthOf(address.family) : Number(length));
}

/** Of the paths that peers told us for this very prefix. */
function knownOrigins(speaker: Speaker, prefix: Prefix): number[] {
  const [route] = speaker.routes({ prefix });
  const learned = (route?.paths ?? []).filter(({ peer }) => peer !== undefined);
  return [...new Set(learned.map(({ attributes }) => originAs(attributes.asPath, speaker.options.asn)))];
}

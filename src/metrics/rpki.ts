/** RPKI caches, and what of their word counts. */

import type { Registry } from "prom-client";
import type { RpkiCacheAnswer } from "../api/schema.ts";
import { addGauge, type Sample } from "./family.ts";
import type { Read } from "./snapshot.ts";

const CACHE = ["cache"] as const;
const FAMILIES = ["ipv4", "ipv6"] as const;

export function addRpki(registry: Registry, read: Read): void {
  const perCache = (figureOf: (cache: RpkiCacheAnswer) => number | undefined) => () =>
    read().rpki.caches.flatMap((cache): Sample[] => {
      const value = figureOf(cache);
      return value === undefined ? [] : [{ labels: { cache: nameOf(cache) }, value }];
    });
  addGauge(
    registry,
    {
      name: "rpki_cache_up",
      help: "1: the RPKI cache is connected and has told all that it has. 0: it is not, or has not.",
      labels: CACHE,
    },
    perCache(({ state, serial }) =>
      Number(state !== "waiting" && state !== "connecting" && serial !== undefined),
    ),
  );
  addGauge(
    registry,
    { name: "rpki_cache_believed", help: "1: what the cache told counts. 0: it does not.", labels: CACHE },
    perCache(({ believed }) => Number(believed)),
  );
  addGauge(
    registry,
    {
      name: "rpki_cache_expires_seconds",
      help: "Until what the cache told is too old to count; absent while it has told nothing.",
      labels: CACHE,
    },
    perCache(({ expiresSeconds }) => expiresSeconds),
  );
  addGauge(
    registry,
    { name: "rpki_cache_vrps", help: "VRPs that the cache told.", labels: [...CACHE, "family"] },
    () =>
      read().rpki.caches.flatMap((cache) =>
        FAMILIES.map((family) => ({ labels: { cache: nameOf(cache), family }, value: cache.vrps[family] })),
      ),
  );
  addGauge(
    registry,
    { name: "rpki_vrps", help: "VRPs that count, of all caches that are believed.", labels: ["family"] },
    () => FAMILIES.map((family) => ({ labels: { family }, value: read().rpki.vrps[family] })),
  );
}

const nameOf = ({ address, port }: RpkiCacheAnswer): string =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;

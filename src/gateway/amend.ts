/**
 * Brings the kernel and the peers to an amended plan, in the order of a pass and looking at nothing but what was amended.
 * What goes wrong is left to a pass, which looks at everything.
 */

import { sameAddress } from "../bgp/net/address.ts";
import { addressKey } from "../bgp/net/text.ts";
import { diffParts } from "../nat/diff.ts";
import type { Publisher } from "./announcer.ts";
import type { Announcement, Translation } from "./intent.ts";
import type { LearnedRoutes } from "./learned-routes.ts";
import type { Moves } from "./moves.ts";
import type { Amendment } from "./plan-amended.ts";
import type { Goals, Programmer } from "./programmer.ts";

interface World {
  readonly programmer: Programmer;
  readonly publisher: Publisher;
  readonly learned: LearnedRoutes;
  readonly moves: Moves;
}

/**
 * @param goals - all routes of the amended plan
 * @returns false: a pass has to see to it
 */
export async function carryOut(
  amendment: Amendment,
  goals: Goals,
  { programmer, publisher, learned, moves }: World,
): Promise<boolean> {
  const { intent, announcements, routes, translated, gone, come } = amendment;
  const wanted = given(announcements);
  const hasWay = ([, announcement]: readonly [string, Announcement]): boolean =>
    programmer.hasRoutes(goals, announcement);
  await publisher.withdraw(without(announcements), false);
  learned.claimMore(amendment.prefixes);
  await programmer.putRoutes(new Map(given(routes)));
  await publisher.withdraw(
    wanted.filter((each) => !hasWay(each)).map(([key]) => key),
    false,
  );
  const text = diffParts(translated.before, translated.after);
  if (!(await programmer.amendNat(text, intent.nat, overOf(amendment)))) return false;
  for (const each of wanted) if (hasWay(each)) publisher.announce(...each);
  const { kernel } = programmer;
  await programmer.removeRoutes(
    without(routes).flatMap((key) => given(new Map([[key, kernel.routes.get(key)]]))),
  );
  await programmer.forgetGone();
  moves.amended(gone, come, goals, publisher.announced);
  return programmer.isCalm(intent.nat);
}

const given = <T>(values: ReadonlyMap<string, T | undefined>): (readonly [string, T])[] =>
  [...values].flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));

const without = (values: ReadonlyMap<string, unknown>): string[] =>
  [...values.keys()].filter((key) => values.get(key) === undefined);

/** Pairs of addresses that are translated to each other no more. */
function overOf({ gone, come }: Amendment): Translation[] {
  const now = new Map(come.map(({ floating, fixed }) => [addressKey(floating), fixed]));
  return gone.flatMap(({ floating, fixed }) => {
    const to = now.get(addressKey(floating));
    return to !== undefined && sameAddress(to, fixed) ? [] : [{ public: floating, private: fixed }];
  });
}

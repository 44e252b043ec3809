/** What rules do to attributes, as edits of their octets where it can be had so (`rib/block-editor.ts`). */

import type { CommunityPattern } from "../net/communities.ts";
import type { AttributeEdit, ListStep } from "../rib/route-filter.ts";
import { OPTIONAL, TRANSITIVE } from "../wire/attributes/row.ts";
import type { Changes } from "./rules.ts";

export type Edits = readonly AttributeEdit[];

/** The changes one after the other; undefined: only `applyChanges` can make them. */
export function editsOf(changes: readonly Changes[]): Edits | undefined {
  let all: Edits = [];
  for (const each of changes) {
    // What comes of these depends on what was there.
    if (each.addMed !== undefined || each.nextHop !== undefined) return undefined;
    all = composedEdits(all, editsOfOne(each));
  }
  return all;
}

/** First these, then those: in order of their codes, each once. */
export function composedEdits(first: Edits, then: Edits): Edits {
  const byCode = new Map(first.map((edit) => [edit.code, edit]));
  for (const edit of then) {
    const before = byCode.get(edit.code);
    byCode.set(edit.code, before === undefined ? edit : composed(before, edit));
  }
  return [...byCode.values()].sort((a, b) => a.code - b.code);
}

function composed(before: AttributeEdit, edit: AttributeEdit): AttributeEdit {
  if (before.kind === "front" && edit.kind === "front") {
    return { ...edit, asns: [...edit.asns, ...before.asns] };
  }
  if (before.kind === "list" && edit.kind === "list") {
    return { ...edit, steps: [...before.steps, ...edit.steps] };
  }
  return edit;
}

/** MULTI_EXIT_DISC, LOCAL_PREF, ONLY_TO_CUSTOMER. */
const med = (value: number): AttributeEdit => ({ kind: "word", code: 4, flags: OPTIONAL, value });
const localPref = (value: number): AttributeEdit => ({ kind: "word", code: 5, flags: TRANSITIVE, value });
export const onlyToCustomer = (value: number): AttributeEdit => ({
  kind: "word",
  code: 35,
  flags: OPTIONAL | TRANSITIVE,
  value,
});

export const front = (asns: readonly number[]): AttributeEdit => ({
  kind: "front",
  code: 2,
  flags: TRANSITIVE,
  asns,
});

/** Of communities, by how many words one has: COMMUNITIES, EXTENDED_COMMUNITIES, LARGE_COMMUNITIES. */
const CODES_OF_LISTS: ReadonlyMap<number, number> = new Map([
  [1, 8],
  [2, 16],
  [3, 32],
]);

function editsOfOne(changes: Changes): Edits {
  const { times = 0, asn = 0 } = changes.prepend ?? {};
  const edits: AttributeEdit[] = [];
  if (times > 0) edits.push(front(new Array<number>(times).fill(asn)));
  if (changes.med !== undefined) edits.push(med(changes.med));
  if (changes.localPref !== undefined) edits.push(localPref(changes.localPref));
  for (const [entryWords, code] of CODES_OF_LISTS) {
    const step = stepOf(changes, entryWords);
    if (step.removed.length + step.added.length === 0) continue;
    edits.push({ kind: "list", code, flags: OPTIONAL | TRANSITIVE, entryWords, steps: [step] });
  }
  return edits.sort((a, b) => a.code - b.code);
}

function stepOf(changes: Changes, entryWords: number): ListStep {
  const { removeCommunities = [], removeLargeCommunities: large } = changes;
  const removed = removeCommunities.filter(({ words }) => words.length === entryWords);
  if (entryWords === 1) return { removed, added: (changes.addCommunities ?? []).map((each) => [each]) };
  if (entryWords === 2) return { removed, added: changes.addExtendedCommunities ?? [] };
  const first: CommunityPattern[] = large === undefined ? [] : [{ words: [...large, 0], masks: [-1, -1, 0] }];
  return { removed: [...removed, ...first], added: changes.addLargeCommunities ?? [] };
}

import { describe, expect, test } from "vitest";
import { mergeAs4 } from "./as4-merge.ts";
import { emptyDraft } from "./attributes/row.ts";
import type { AsPathSegment } from "./path-attributes.ts";

const sequence = (...asns: number[]): AsPathSegment => ({ type: "sequence", asns });
const set = (...asns: number[]): AsPathSegment => ({ type: "set", asns });
const confederation = (...asns: number[]): AsPathSegment => ({ type: "confed-sequence", asns });

describe("AS_PATH and AS4_PATH become one path (RFC 6793 §4.2.3)", () => {
  test.each<[string, AsPathSegment[], AsPathSegment[], AsPathSegment[]]>([
    ["as long: AS4_PATH", [sequence(23456, 23456)], [sequence(70000, 70001)], [sequence(70000, 70001)]],
    [
      "shorter: what is missing comes from AS_PATH",
      [sequence(1, 2, 23456)],
      [sequence(70000)],
      [sequence(1, 2, 70000)],
    ],
    ["longer: AS4_PATH is not used", [sequence(1)], [sequence(70000, 70001)], [sequence(1)]],
    ["a set counts once", [sequence(1), set(2, 3)], [set(2, 70000)], [sequence(1), set(2, 70000)]],
    [
      "a set may be what is missing",
      [set(1, 2), sequence(23456)],
      [sequence(70000)],
      [set(1, 2), sequence(70000)],
    ],
    [
      "confederation segments count nothing and stay in front",
      [confederation(9), sequence(1, 23456)],
      [sequence(70000)],
      [confederation(9), sequence(1, 70000)],
    ],
  ])("%s", (_, asPath, as4Path, merged) => {
    const draft = { ...emptyDraft(), asPath, as4Path };
    mergeAs4(draft);
    expect(draft.asPath).toEqual(merged);
  });

  test("nothing is merged where there is one of the two", () => {
    const draft = { ...emptyDraft(), as4Path: [sequence(70000)] };
    mergeAs4(draft);
    expect(draft.asPath).toBeUndefined();
  });
});

describe("AGGREGATOR and AS4_AGGREGATOR", () => {
  const as4 = { asn: 70000, address: 1 };
  test.each([
    ["AS_TRANS: the other one is right", { asn: 23456, address: 1 }, as4, 70000],
    [
      "another AS: somebody aggregated later, AS4_PATH is not used",
      { asn: 64512, address: 2 },
      { asn: 64512, address: 2 },
      23456,
    ],
    ["none: AS4_AGGREGATOR alone says nothing", undefined, undefined, 70000],
  ])("%s", (_, aggregator, expected, last) => {
    const draft = {
      ...emptyDraft(),
      asPath: [sequence(23456)],
      as4Path: [sequence(70000)],
      aggregator,
      as4Aggregator: as4,
    };
    mergeAs4(draft);
    expect(draft.aggregator).toEqual(expected);
    expect(draft.asPath).toEqual([sequence(last)]);
  });
});

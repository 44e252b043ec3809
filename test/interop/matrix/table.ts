/** docs/INTEROP.md: what ran, as a table. */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DaemonKind } from "../daemons/daemon.ts";
import { FEATURES, type FeatureName } from "./features.ts";

/** dpkg-query's placeholder. */
const VERSION = "\u0024{Version}";
const PAGE = join(import.meta.dirname, "../../../docs/INTEROP.md");

/** What was seen of the features with the daemons. */
export class Outcomes {
  /** By daemon and feature: steps that began, and have not ended well. */
  readonly #open: Map<string, number> = new Map();

  begin(daemon: string, feature: FeatureName): void {
    this.#count(`${daemon}/${feature}`, 1);
  }

  endWell(daemon: string, feature: FeatureName): void {
    this.#count(`${daemon}/${feature}`, -1);
  }

  /** "yes": all steps that show it ended well. Undefined: there was none. */
  of(daemon: string, feature: FeatureName): "yes" | "no" | undefined {
    const open = this.#open.get(`${daemon}/${feature}`);
    return open === undefined ? undefined : open === 0 ? "yes" : "no";
  }

  #count(key: string, by: number): void {
    this.#open.set(key, (this.#open.get(key) ?? 0) + by);
  }
}

/** The whole page. Footnotes say why a daemon cannot. What did not run is as in `committed`. */
export function page(kinds: readonly DaemonKind[], outcomes: Outcomes, committed: string): string {
  const before = cellsOf(committed);
  const reasons: string[] = [];
  const noteOf = (reason: string): string => {
    if (!reasons.includes(reason)) reasons.push(reason);
    return `– [${reasons.indexOf(reason) + 1}]`;
  };
  const rows = FEATURES.map(({ name }) => {
    const cells = kinds.map((kind, column) => {
      const why = kind.cannot[name];
      if (why !== undefined) return noteOf(`${kind.name}: ${why}`);
      return outcomes.of(kind.name, name) ?? before.get(name)?.[column] ?? "not run";
    });
    return `| ${[name, ...cells].join(" | ")} |`;
  });
  const heads = kinds.map((kind) => `${kind.name} ${versionOf(kind)}`);
  return `# Interoperability

What has been seen to work between this speaker and other BGP daemons, each in a network namespace of its own.
\`test/interop/matrix.test.ts\` makes this page: it runs everything that is said here, and fails when it sees anything
else. \`INTEROP=write npm test -- test/interop/matrix.test.ts\` writes the page anew.

| | ${heads.join(" | ")} |
|${" --- |".repeat(heads.length + 1)}
${rows.join("\n")}

What the other side cannot, in this version:

${reasons.map((reason, i) => `${i + 1}. ${reason}`).join("\n")}

Good to know:

${kinds.flatMap(({ name, note }) => (note === undefined ? [] : [`* ${name}: ${note}.`])).join("\n")}

What a "yes" means:

${FEATURES.map(({ name, shown }) => `* **${name}**: ${shown}.`).join("\n")}
`;
}

/** The page without the versions of the daemons, which differ from machine to machine. */
export const withoutVersions = (text: string): string => text.replace(/ \d[^ |]*(?= \|)/g, "");

export const committedPage = (): string => readFileSync(PAGE, "utf8");
export const writePage = (text: string): void => writeFileSync(PAGE, text);

/** Of the table, by feature, then by daemon. */
function cellsOf(text: string): Map<string, readonly string[]> {
  const rows = text.split("\n").filter((line) => line.startsWith("| "));
  return new Map(
    rows.map((line) => {
      const [name, ...cells] = line.slice(2, -2).split(" | ");
      return [name!, cells];
    }),
  );
}

function versionOf({ debian }: DaemonKind): string {
  try {
    return execFileSync("dpkg-query", ["-W", "-f", VERSION, debian], {
      encoding: "utf8",
      stdio: "pipe",
    });
  } catch {
    return "?";
  }
}

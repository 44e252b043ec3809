/** The order of the files: those that take longest begin first, so that none runs alone at the end. */

import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Each takes more than 20 s; longest first. All others come after them. */
const LONG: readonly string[] = [
  "test/interop/matrix.test.ts",
  "test/interop/openstack.test.ts",
  "test/daemon/lifecycle.test.ts",
  "test/daemon/store.test.ts",
  "test/daemon/hostile.test.ts",
  "test/dataplane/labs.test.ts",
  "test/interop/stops.test.ts",
  "test/nat/diff.test.ts",
  "test/scenario/scenario.test.ts",
  "test/daemon/files.test.ts",
  "test/daemon/gwctl.test.ts",
  "test/interop/bfd.test.ts",
  "test/store/cluster.test.ts",
  "test/store/local.test.ts",
  "test/store/etcd.test.ts",
  "test/nat/packets.test.ts",
  "test/interop/protection.test.ts",
  "test/kernel/netd.test.ts",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const gone = LONG.find((file) => !existsSync(join(this.ctx.config.root, file)));
    if (gone !== undefined) throw new Error(`${gone} is to begin early, and is not there`);
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONG.indexOf(relative(this.ctx.config.root, moduleId));
      return at === -1 ? LONG.length : at;
    };
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}

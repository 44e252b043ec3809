/**
 * `npm start`: sets up what is missing, builds the quickstart in network namespaces, tells the story, stays up until
 * Ctrl-C. `npm start -- --exit` ends by itself; its exit status is 0 only if every step of the story held.
 */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, setUp } from "./setup.mjs";

/** The Debian packages that the quickstart's nodes use. */
const PACKAGES = ["conntrack", "frr", "iproute2", "iputils-ping", "libnftables1", "nftables", "procps"];
/** Exit status for a machine that cannot run the quickstart. */
const CANNOT = 3;

const unknown = process.argv.slice(2).filter((argument) => argument !== "--exit");
if (unknown.length > 0) {
  process.stderr.write(`npm start -- [--exit]\nunknown: ${unknown.join(" ")}\n`);
  process.exit(2);
}
const missing = whatIsMissing();
try {
  await setUp({ packages: missing === undefined ? PACKAGES : [], build: true });
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
if (missing !== undefined) {
  process.stderr.write(withoutNamespaces(missing));
  process.exit(CANNOT);
}
const { start } = await import(join(root, "dist/containerlab/start.js"));
process.exit(await start({ root, exit: process.argv.includes("--exit") }));

/** Why the quickstart cannot be built here; undefined when it can. */
function whatIsMissing() {
  if (process.platform !== "linux") return `Linux (this is ${process.platform})`;
  if (process.getuid() !== 0) return "root (namespaces, routes and nftables are the kernel's)";
  const tried = spawnSync("unshare", ["--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "true"], {
    encoding: "utf8",
  });
  if (tried.status === 0) return undefined;
  return `namespaces (${(tried.stderr || tried.error?.message || "unshare failed").trim()})`;
}

function withoutNamespaces(what) {
  return `The quickstart needs what is missing here: ${what}.

What still runs: gatewayd as a BGP speaker that announces and touches neither routes nor nftables.

  cat >gateway.yaml <<'END'
  bgp:
    asn: 65000
    routerId: 192.0.2.1
    listen: { addresses: ["127.0.0.1"], port: 1790 }
  networks:
    - { name: public, cidr: 203.0.113.0/24 }
  api: { socket: /tmp/gatewayd.sock }
  kernel: { type: none }
  END
  npx gatewayd run gateway.yaml
  npx gwctl --socket /tmp/gatewayd.sock show status
`;
}

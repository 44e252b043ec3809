/**
 * Makes a fresh clone ready: Debian packages, node_modules, dist. Plain JavaScript without dependencies, because it
 * runs before there are any. One line per step that has something to do, silence where nothing is missing.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const OLDEST_NODE = [20, 19];

/** The Debian packages that the quickstart and the tests use, beside Node itself. */
export const PACKAGES = [
  "bgpdump",
  "bird2",
  "conntrack",
  "dnsmasq-base",
  "etcd-client",
  "etcd-server",
  "exabgp",
  "frr",
  "gobgpd",
  "iproute2",
  "iputils-ping",
  "isc-dhcp-client",
  "libnftables1",
  "natpmpc",
  "nfdump",
  "nftables",
  "openbgpd",
  "openssl",
  "pmacct",
  "procps",
  "python3-neutronclient",
  "python3-openstackclient",
  "stayrtr",
  "udhcpc",
];

/**
 * @param {{ packages: readonly string[], build: boolean }} wanted
 * @throws Error with what to do, when a step fails
 */
export async function setUp(wanted) {
  checkNode();
  installPackages(wanted.packages);
  installModules();
  if (wanted.build) build();
}

/** The Debian packages of `names` that are not installed. */
function missingPackages(names) {
  const { stdout } = spawnSync(
    "dpkg-query",
    ["-W", "-f", "\u0024{Package} \u0024{db:Status-Status}\n", ...names],
    {
      encoding: "utf8",
    },
  );
  const installed = new Set(
    (stdout ?? "").split("\n").flatMap((line) => (line.endsWith(" installed") ? [line.split(" ")[0]] : [])),
  );
  return names.filter((name) => !installed.has(name));
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new Error(`Node ${OLDEST_NODE.join(".")} or later is needed; this is ${process.versions.node}.`);
}

function installPackages(names) {
  const missing = missingPackages(names);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    step(
      `not root: these Debian packages are missing and what needs them will be skipped: ${missing.join(" ")}`,
    );
    return;
  }
  step(`installing Debian packages: ${missing.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["update", "-q"], { env });
  withoutServices(() => {
    run("apt-get", ["install", "-y", "-q", "--no-install-recommends", ...missing], { env });
  });
}

/** The tests start the daemons of these packages themselves, in namespaces; dpkg asks this file before it starts one. */
function withoutServices(install) {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) {
    install();
    return;
  }
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    install();
  } finally {
    rmSync(policy);
  }
}

function installModules() {
  const lock = sha256(readFileSync(join(root, "package-lock.json")));
  const stamp = join(root, "node_modules/.cache/installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  step("installing npm packages (npm ci)");
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, lock);
}

/** dist, unless it is of these very sources. @throws Error with what the compiler says */
export function build() {
  const stamp = join(root, "dist/.built-from");
  const sources = sha256(
    ["src", "containerlab", "bench"].flatMap((dir) => fingerprints(join(root, dir))).join("\n"),
  );
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === sources) return;
  step("building (npm run build)");
  run("npm", ["run", "--silent", "build"]);
  writeFileSync(stamp, sources);
}

/** Each source file with its size and time, so that a build happens only when one changed. */
function fingerprints(dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return ["dist", "node_modules"].includes(entry.name) ? [] : fingerprints(path);
    const { size, mtimeMs } = statSync(path);
    return [`${path} ${size} ${mtimeMs}`];
  });
}

function run(command, args, options = {}) {
  try {
    execFileSync(command, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
      ...options,
    });
  } catch (error) {
    const said = `${error.stdout ?? ""}${error.stderr ?? ""}`.trim().split("\n").slice(0, 30).join("\n");
    throw new Error(`"${command} ${args.join(" ")}" failed:\n${said || error.message}`);
  }
}

const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const step = (text) => process.stderr.write(`set-up: ${text}\n`);

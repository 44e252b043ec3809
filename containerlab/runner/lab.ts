/**
 * Builds the topology of a containerlab file out of namespaces on this machine, and takes it away again.
 *
 * All that a lab leaves outside of its own processes is one directory, /run/gwlab-NAME: per node a directory (the
 * node's /run), NODE.log (what its main program wrote) and NODE.enter (a script that runs a command in it), and
 * state.json, from which a later run knows what to clear away.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gone, type Identity, identify, isAlive, signal } from "./identity.ts";
import { imageFor, missingPackages } from "./images.ts";
import { hold, RunningNode } from "./node.ts";
import { readTopology, type Topology, type TopologyNode } from "./topology.ts";
import { typed } from "./words.ts";

export interface LabOptions {
  /** Absolute path of a containerlab file. */
  readonly file: string;
  /** Absolute path of this repository, built. */
  readonly root: string;
  /** Instead of the name in the file: two labs of one name replace each other. */
  readonly name?: string;
}

/** The lab cannot be built; the message says why, and what to do. */
export class LabError extends Error {
  override readonly name = "LabError";
}

interface State {
  readonly runner: Identity | undefined;
  readonly holders: readonly Identity[];
}

/** A runner that is asked to stop gets this long to take its lab down. */
const STOP_TIMEOUT_MS = 15_000;
const KILL_TIMEOUT_MS = 10_000;

export class Lab {
  readonly name: string;
  readonly topology: Topology;
  readonly directory: string;
  readonly #nodes: ReadonlyMap<string, RunningNode>;
  readonly #abandon = (): void => {
    for (const { holder } of this.#nodes.values()) signal(holder, "SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  };

  constructor(name: string, topology: Topology, nodes: readonly RunningNode[]) {
    this.name = name;
    this.topology = topology;
    this.directory = directoryOf(name);
    this.#nodes = new Map(nodes.map((node) => [node.name, node]));
    process.once("exit", this.#abandon);
  }

  /** @throws LabError when the topology has no such node */
  node(name: string): RunningNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new LabError(`lab ${this.name} has no node ${name}`);
    return node;
  }

  /** Ends every process of the lab and removes its directory. Resolves when nothing of it is left. */
  async down(): Promise<void> {
    process.off("exit", this.#abandon);
    await end([...this.#nodes.values()].map(({ holder }) => holder));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/**
 * Builds a lab; what is left of an earlier one of the same name is removed first, and one that is up is taken over.
 * @throws TopologyError for the file, LabError for the machine
 */
export async function raise(options: LabOptions): Promise<Lab> {
  const schema = JSON.parse(readFileSync(join(options.root, "containerlab/clab.schema.json"), "utf8"));
  const topology = readTopology(readFileSync(options.file, "utf8"), schema, dirname(options.file));
  const name = options.name ?? topology.name;
  checkPrograms(topology);
  await clear(name);
  const directory = directoryOf(name);
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  remember(directory, []);
  const holders: Identity[] = [];
  try {
    const nodes = await all(
      topology.nodes.map(async (node) => {
        const holder = await hold(name, node, directory, options.root);
        holders.push(holder);
        remember(directory, holders);
        return new RunningNode(node, holder);
      }),
    );
    const lab = new Lab(name, topology, nodes);
    for (const node of topology.nodes) startMain(lab, node);
    link(lab);
    await all(topology.nodes.map((node) => configure(lab, node)));
    return lab;
  } catch (error) {
    await end(holders);
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

/** As Promise.all, but a rejection waits for the others: nothing may still be growing while it is torn down. */
async function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
}

/** Removes what an earlier run left behind, of this lab only. A runner that still has it up is asked to stop first. */
export async function clear(name: string): Promise<void> {
  const directory = directoryOf(name);
  const state = recall(directory);
  if (state?.runner !== undefined && state.runner.pid !== process.pid) {
    signal(state.runner, "SIGTERM");
    if (!(await gone(state.runner, STOP_TIMEOUT_MS))) signal(state.runner, "SIGKILL");
  }
  await end(state?.holders ?? []);
  rmSync(directory, { recursive: true, force: true });
}

/** Where a lab keeps its files. */
export function directoryOf(name: string): string {
  return `/run/gwlab-${name}`;
}

function checkPrograms(topology: Topology): void {
  const missing = new Set<string>();
  for (const { name, image } of topology.nodes) {
    const program = imageFor(image);
    if (program === undefined) throw new LabError(`node ${name}: no program here stands in for ${image}`);
    for (const entry of missingPackages(program)) missing.add(entry);
  }
  if (missing.size > 0) {
    throw new LabError(`programs are missing: apt-get install ${[...missing].sort().join(" ")}`);
  }
}

function remember(directory: string, holders: readonly Identity[]): void {
  const state: State = { runner: identify(process.pid), holders };
  writeFileSync(join(directory, "state.json"), `${JSON.stringify(state)}\n`);
}

function recall(directory: string): State | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, "state.json"), "utf8")) as State;
  } catch {
    return undefined;
  }
}

async function end(holders: readonly Identity[]): Promise<void> {
  for (const holder of holders) signal(holder, "SIGKILL");
  await Promise.all(holders.map((holder) => gone(holder, KILL_TIMEOUT_MS)));
  const left = holders.filter(isAlive);
  if (left.length > 0) throw new LabError(`processes that do not end: ${left.map((p) => p.pid).join(" ")}`);
}

function startMain(lab: Lab, node: TopologyNode): void {
  const running = lab.node(node.name);
  writeFileSync(join(lab.directory, `${node.name}.enter`), running.script());
  const entrypoint = node.entrypoint ?? imageFor(node.image)?.entrypoint ?? [];
  running.run([...entrypoint, ...node.command], join(lab.directory, `${node.name}.log`));
}

/** Both ends are made inside their nodes' namespaces, so that no name is ever seen, or taken, outside. */
function link(lab: Lab): void {
  const commands = lab.topology.links.map(({ ends: [a, b], mtu }) => {
    const at = (end: typeof a): string =>
      `netns ${lab.node(end.node).holder.pid} mtu ${mtu}${end.mac === undefined ? "" : ` address ${end.mac}`}`;
    return `link add ${a.interface} ${at(a)} type veth peer name ${b.interface} ${at(b)}`;
  });
  const made = spawnSync("ip", ["-batch", "-"], { input: commands.join("\n"), encoding: "utf8" });
  if (made.status !== 0) throw new LabError(`links: ${made.stderr || made.error?.message}`);
}

async function configure(lab: Lab, node: TopologyNode): Promise<void> {
  const ends = lab.topology.links.flatMap((each) => each.ends).filter((each) => each.node === node.name);
  const commands = [
    ...ends.map((each) => ["ip", "link", "set", each.interface, "up"]),
    ...ends.flatMap(({ addresses, interface: dev }) =>
      addresses.map((address) => ["ip", "addr", "add", address, "dev", dev]),
    ),
    ...node.exec,
  ];
  for (const command of commands) {
    const { code, stdout, stderr } = await lab.node(node.name).exec(command);
    if (code !== 0) throw new LabError(`node ${node.name}: ${typed(command)}: ${stderr || stdout || code}`);
  }
}

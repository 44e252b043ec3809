/** `npm start` once everything is installed and built: lab up, story told, lab down. */

import { join } from "node:path";
import { clear, type Lab, LabError, raise } from "./runner/lab.ts";
import { TopologyError } from "./runner/topology.ts";
import { STORY } from "./story/story.ts";
import { tell } from "./story/tell.ts";

export interface StartOptions {
  /** Absolute path of the repository, built. */
  readonly root: string;
  /** End after the story, instead of staying up until Ctrl-C. */
  readonly exit: boolean;
}

const LAB = "quickstart";

/** Resolves to the exit status: 0 only if every step held. */
export async function start({ root, exit }: StartOptions): Promise<number> {
  const write = (text: string): void => void process.stdout.write(text);
  const asked = interruption();
  write(`Building the lab ${LAB} from containerlab/${LAB}.clab.yml …\n`);
  const building = raise({ file: join(root, `containerlab/${LAB}.clab.yml`), root });
  try {
    const lab = await Promise.race([building, asked]);
    if (typeof lab === "number") {
      await abandon(building);
      return lab;
    }
    for (const key of lab.topology.ignored) write(`  without effect here: ${key}\n`);
    return await run(lab, { exit, write, asked });
  } catch (error) {
    if (!(error instanceof LabError || error instanceof TopologyError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

interface Running {
  readonly exit: boolean;
  readonly write: (text: string) => void;
  /** Resolves to an exit status when the user wants to stop. */
  readonly asked: Promise<number>;
}

async function run(lab: Lab, { exit, write, asked }: Running): Promise<number> {
  try {
    const { NO_COLOR } = process.env;
    const colours = process.stdout.isTTY === true && NO_COLOR === undefined;
    const told = await Promise.race([tell(lab, STORY, { write, colours }), asked]);
    if (typeof told === "number") return told;
    const failed = told.failed.length === 0 ? "" : `; these did not: ${told.failed.join(", ")}`;
    write(`\n${told.held} of ${told.held + told.failed.length} steps held${failed}.\n`);
    if (!exit) {
      write(lookAround(lab));
      await asked;
    }
    return told.failed.length === 0 ? 0 : 1;
  } finally {
    await lab.down();
    write("The lab is gone: every namespace, process and file of it.\n");
  }
}

/** A lab that was not finished when it was no longer wanted. */
async function abandon(building: Promise<Lab>): Promise<void> {
  try {
    await (await building).down();
  } catch {
    await clear(LAB);
  }
}

/** Resolves on the first Ctrl-C, SIGTERM or SIGHUP, to the exit status that a shell would show for it. */
function interruption(): Promise<number> {
  return new Promise((resolve) => {
    for (const [signal, status] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
      ["SIGHUP", 129],
    ] as const) {
      process.on(signal, () => resolve(status));
    }
  });
}

function lookAround(lab: Lab): string {
  const socket = `${lab.directory}/gw/gatewayd/gatewayd.sock`;
  return `
The lab stays up. To look around, in another terminal:

  npx gwctl --socket ${socket} show peers
      also: routes, announcements, floatingips, nat, anycast, status; -o json
  containerlab/on gw nft list table inet gatewayd
      any command in any node: ${lab.topology.nodes.map((node) => node.name).join(", ")}
  containerlab/on upstream vtysh -c 'show bgp ipv4 unicast'
  curl --unix-socket ${socket} http://gw/api/v1/status
      the API; inside of gw it also listens on 127.0.0.1:9696
  tail -f ${lab.directory}/gw.log
      what the gateway logs

Ctrl-C takes it down.
`;
}

/** gwctl import networking-calico: from the etcd of a Calico that served OpenStack to objects of this gateway. */

import { randomUUID } from "node:crypto";
import { type Command, Option } from "commander";
import { call } from "../client.ts";
import { examples } from "../flags.ts";
import { EXIT, Failure, type Io } from "../io.ts";
import { toJson } from "../json.ts";
import { RESOURCE_ROWS } from "../objects/resources.ts";
import { listOf, openSession, type Session } from "../objects/session.ts";
import { table } from "../table.ts";
import { printable } from "../text.ts";
import { parseOrigin } from "../values.ts";
import { entriesIn, entriesOf } from "./entries.ts";
import { type Fault, isCidr, layoutOf } from "./layout.ts";
import { type Existing, type Plan, planOf, type Step } from "./plan.ts";

interface Flags {
  readonly etcd?: URL;
  readonly file?: string;
  readonly subnet: readonly string[];
  readonly floatingPool: readonly string[];
  readonly yes?: true;
}

export function addImport(program: Command, io: Io): void {
  const group = program
    .command("import")
    .description("take over what another system has")
    .addHelpText("after", examples("gwctl import networking-calico --etcd http://127.0.0.1:2379"));
  const command = group
    .command("networking-calico")
    .description(
      "ports, subnets and floating IPs of a Calico that serves OpenStack; shows what would be made",
    )
    .addOption(new Option("--etcd <url>", "where its etcd listens").argParser(parseOrigin).conflicts("file"))
    .option(
      "--file <path>",
      "a dump of it: JSON lines of key and value, or etcdctl's -w json; - is standard input",
    )
    .option(
      "--subnet <cidr>",
      "of instances, where etcd does not tell of it; several are possible",
      cidrs,
      [],
    )
    .option("--floating-pool <cidr>", "where floating IPs are from; several are possible", cidrs, [])
    .option("--yes", "make it")
    .addHelpText(
      "after",
      examples(
        "gwctl import networking-calico --etcd http://127.0.0.1:2379 --floating-pool 172.16.1.0/24",
        "gwctl import networking-calico --file dump.json --yes",
      ),
    );
  command.action(async ({ etcd, file, subnet, floatingPool, yes }: Flags) => {
    const session = openSession(command, io);
    const entries = await entriesFrom(etcd, file, io);
    const wishes = { subnets: subnet, floatingPools: floatingPool };
    const plan = planOf(layoutOf(entries), await existingIn(session), wishes, randomUUID);
    if (yes !== true) return finish(plan.steps, plan.faults, session, "would be made; --yes makes them");
    const { done, faults } = await perform(plan, session);
    finish(done, [...plan.faults, ...faults], session, "made");
  });
}

function cidrs(text: string, before: readonly string[]): readonly string[] {
  if (!isCidr(text)) throw new Failure(EXIT.usage, `expected such as 10.65.0.0/24, not ${text}`);
  return [...before, text];
}

async function entriesFrom(
  etcd: URL | undefined,
  file: string | undefined,
  io: Io,
): ReturnType<typeof entriesOf> {
  if (etcd === undefined && file === undefined) {
    throw new Failure(EXIT.usage, "nothing to read from", "--etcd URL, or --file PATH");
  }
  const entries = etcd === undefined ? entriesIn(file!) : await entriesOf(etcd, io.signal);
  if (!entries.some(([key]) => key.startsWith("/calico/"))) {
    throw new Failure(EXIT.notFound, "there is nothing below /calico/ in it");
  }
  return entries;
}

async function existingIn(session: Session): Promise<Existing> {
  const wanted = ["networks", "subnets", "ports", "routers", "floatingips"] as const;
  const lists = await Promise.all(
    wanted.map(async (path) => {
      const row = RESOURCE_ROWS.find((one) => one.path === path)!;
      return [path, await listOf(session, row, [])] as const;
    }),
  );
  return Object.fromEntries(lists) as unknown as Existing;
}

/** One after the other: each may need the one before. What fails does not keep the others. */
async function perform(
  { steps }: Plan,
  { target, io }: Session,
): Promise<{ readonly done: readonly Step[]; readonly faults: readonly Fault[] }> {
  const done: Step[] = [];
  const faults: Fault[] = [];
  for (const step of steps) {
    try {
      if (step.request !== undefined) await call(target, step.request, io.signal);
      done.push(step);
    } catch (error) {
      if (!(error instanceof Failure) || error.detail.exit === EXIT.interrupted) throw error;
      if (error.detail.exit === EXIT.unreachable) throw error;
      faults.push({ key: `${step.what} ${step.about}`, message: error.message });
    }
  }
  return { done, faults };
}

/** @throws Failure when something could not be taken over */
function finish(
  steps: readonly Step[],
  faults: readonly Fault[],
  { options, io }: Session,
  words: string,
): void {
  const missing = steps.filter(({ request }) => request !== undefined);
  if (options.format === "json") {
    const shown = steps.map(({ what, about, request }) => ({ what, about, there: request === undefined }));
    io.stdout.write(`${toJson({ steps: shown, faults })}\n`);
  } else {
    const columns = [
      { header: "", cell: ({ request }: Step) => (request === undefined ? "there" : "make") },
      { header: "What", cell: ({ what }: Step) => what },
      { header: "Which", cell: ({ about }: Step) => about },
    ];
    io.stdout.write(table(columns, steps, { headers: options.headers, color: false, wide: true }));
    io.stderr.write(`gwctl: ${missing.length} ${words}, ${steps.length - missing.length} there already\n`);
  }
  for (const { key, message } of faults) io.stderr.write(`gwctl: ${printable(`${key}: ${message}`)}\n`);
  if (faults.length > 0) throw new Failure(EXIT.error, `${faults.length} of it cannot be taken over`);
}

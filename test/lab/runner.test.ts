import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { identify } from "../../containerlab/runner/identity.ts";
import { clear, directoryOf, type Lab, LabError, raise } from "../../containerlab/runner/lab.ts";

const root = resolve(import.meta.dirname, "../..");
const directory = mkdtempSync(join(tmpdir(), "gwlab-test-"));
const able = spawnSync("unshare", ["--net", "--mount", "--pid", "--fork", "true"]).status === 0;
afterAll(() => rmSync(directory, { recursive: true }));

/** Two machines and a wire. */
function topology(name: string, exec = "ip addr add 192.0.2.2/30 dev eth1"): string {
  const file = join(directory, `${name}.clab.yml`);
  writeFileSync(join(directory, "greeting"), "hello\n");
  writeFileSync(
    file,
    `
name: ${name}
topology:
  defaults: { kind: linux, image: gatewayd:dev, cmd: sleep infinity, privileged: false, cap-add: [NET_ADMIN] }
  nodes:
    left:
      binds: ["greeting:/etc/made/for/this/greeting:ro"]
      sysctls: { net.ipv4.ip_forward: 1 }
      env: { COLOUR: blue }
    right: { exec: ["${exec}"] }
  links:
    - { endpoints: ["left:eth1", "right:eth1"], ipv4: ["192.0.2.1/30"] }
`,
  );
  return file;
}

/** Ids of the processes that bear the name of this lab. */
function processesOf(name: string): number[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry) || identify(Number(entry)) === undefined) return [];
    try {
      return readFileSync(`/proc/${entry}/cmdline`, "utf8").includes(`/run/gwlab-${name}/`)
        ? [Number(entry)]
        : [];
    } catch {
      return [];
    }
  });
}

async function within(ms: number, holds: () => boolean): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end && !holds(); ) {
    await new Promise((again) => setTimeout(again, 20));
  }
  return holds();
}

const { PATH } = process.env;
const name = `test-${process.pid}`;
const file = topology(name);

async function withLab(use: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = await raise({ file, root });
  try {
    await use(lab);
  } finally {
    await lab.down();
  }
}

describe.runIf(able)("a lab of two nodes", () => {
  test("is what the file says, and leaves nothing", async () => {
    await withLab(async (lab) => {
      const left = async (...command: string[]): Promise<string> => {
        const { stdout, stderr } = await lab.node("left").exec(command);
        return (stdout + stderr).trim();
      };
      expect(await left("ping", "-c", "1", "-W", "2", "192.0.2.2")).toContain("1 received");
      expect(await left("cat", "/etc/made/for/this/greeting")).toBe("hello");
      expect(await left("sh", "-c", "echo $COLOUR; cat /proc/sys/kernel/hostname")).toBe("blue\nleft");
      expect(await left("cat", "/proc/sys/net/ipv4/ip_forward")).toBe("1");
      expect(await left("sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward")).toMatch(/read-only/i);
      expect(await left("sh", "-c", "echo x >/etc/made/for/this/greeting")).toMatch(/read-only/i);
      expect(await left("sh", "-c", "mount -t tmpfs none /mnt")).toMatch(/permission denied/i);
      expect(await left("sh", "-c", "touch /etc/own /run/own && ls /etc/own")).toBe("/etc/own");
      const on = spawnSync(
        join(root, "containerlab/on"),
        ["left", "sh", "-c", 'echo "$1" $COLOUR', "_", "a b"],
        {
          env: { PATH: PATH, LAB: name },
          encoding: "utf8",
        },
      );
      expect(on.stdout).toBe("a b blue\n");
      expect(existsSync("/etc/own")).toBe(false);
      expect(processesOf(name)).not.toEqual([]);
    });
    expect(processesOf(name)).toEqual([]);
    expect(existsSync(directoryOf(name))).toBe(false);
    expect(existsSync("/etc/made")).toBe(false);
  });

  test("a command in the background is waited for by what it says, and stopped", async () => {
    await withLab(async (lab) => {
      const counting = lab
        .node("right")
        .start([
          "sh",
          "-c",
          "trap 'echo bye; exit 3' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done",
        ]);
      expect((await counting.said(/^3$/m, 50_000))[0]).toBe("3");
      const { stdout, code } = await counting.stop();
      expect(stdout).toMatch(/^1\n2\n3\n(\d+\n)*bye\n$/);
      expect(code).toBe(3);
      await expect(counting.said(/never/, 50_000)).rejects.toThrow(/ended with status 3/);
    });
  });

  test("a command of the topology that fails takes the lab down, by name", async () => {
    const broken = topology(`${name}-broken`, "ip addr add nonsense dev eth1");
    await expect(raise({ file: broken, root })).rejects.toThrow(LabError);
    await expect(raise({ file: broken, root })).rejects.toThrow(
      /node right: ip addr add nonsense dev eth1: /,
    );
    expect(processesOf(`${name}-broken`)).toEqual([]);
    expect(existsSync(directoryOf(`${name}-broken`))).toBe(false);
  });
});

describe.runIf(able)("a lab whose runner", () => {
  test("was killed by kill -9 is gone, but for files that the next one clears up", async () => {
    const runner = runInChild(name, file);
    await runner.up;
    expect(processesOf(name)).not.toEqual([]);
    process.kill(runner.pid, "SIGKILL");
    expect(await within(50_000, () => processesOf(name).length === 0)).toBe(true);
    expect(existsSync(directoryOf(name))).toBe(true);
    await withLab(async (lab) => {
      expect((await lab.node("left").exec(["ping", "-c", "1", "192.0.2.2"])).code).toBe(0);
    });
    expect(processesOf(name)).toEqual([]);
    expect(existsSync(directoryOf(name))).toBe(false);
  });

  test("is still there is taken over by the next of the same name, and by no other", async () => {
    const other = runInChild(`${name}-other`, topology(`${name}-other`));
    const first = runInChild(name, file);
    await Promise.all([other.up, first.up]);
    await withLab(async () => {
      expect(identify(first.pid)).toBeUndefined();
      expect(processesOf(`${name}-other`)).not.toEqual([]);
    });
    expect(identify(other.pid)).toBeDefined();
    process.kill(other.pid, "SIGTERM");
    await other.ended;
    await clear(`${name}-other`);
    expect(processesOf(`${name}-other`)).toEqual([]);
  });
});

/** A runner of its own process, which dies of SIGTERM without clearing up. */
function runInChild(name: string, file: string): { pid: number; up: Promise<void>; ended: Promise<void> } {
  const code = `
    const { raise } = await import(${JSON.stringify(join(root, "dist/containerlab/runner/lab.js"))});
    await raise(${JSON.stringify({ file, root, name })});
    process.stdout.write("up\\n");
    setInterval(() => undefined, 1000);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return {
    pid: child.pid ?? 0,
    up: new Promise((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      child.once("exit", (status) => reject(new Error(`ended with status ${status}`)));
    }),
    ended: new Promise((resolve) => child.once("exit", () => resolve())),
  };
}

/**
 * The API's unix socket as a file: who may connect, and what happens to a file that is there already.
 *
 * The socket is bound under another name, given its mode, and renamed to its own: it is never there with a wrong mode,
 * and it takes the place of a dead daemon's file in one step.
 */

import { chmod, lstat, mkdir, rename, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";

/** Why the API cannot listen. */
export class ListenError extends Error {
  override readonly name: string = "ListenError";
  readonly detail: {
    readonly code: "socket.inUse" | "socket.notASocket" | "socket.tooLong" | "tcp.withoutTls" | "failed";
    readonly where: string;
  };

  constructor(code: ListenError["detail"]["code"], where: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.detail = { code, where };
  }
}

/** sizeof sun_path less its final zero: Linux takes no longer name. */
const PATH_MAX_OCTETS = 107;
/** Owner and group may connect. */
const SOCKET_MODE = 0o660;

export interface SocketFile {
  /** Where to bind. */
  readonly bindPath: string;
  /** Shows the bound socket under its own name. */
  publish(): Promise<void>;
  /** Removes the file, when it still is ours. */
  remove(): Promise<void>;
}

/** Makes the directory and checks that nobody listens at `path`. @throws ListenError */
export async function claimSocket(path: string): Promise<SocketFile> {
  const bindPath = `${path}.${process.pid}`;
  if (Buffer.byteLength(bindPath) > PATH_MAX_OCTETS) {
    throw new ListenError("socket.tooLong", path, `${path}: a socket's path has at most 99 octets`);
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await refuseLiving(path);
  await unlinkIfThere(bindPath);
  let inode: number | undefined;
  return {
    bindPath,
    publish: async () => {
      await chmod(bindPath, SOCKET_MODE);
      inode = (await lstat(bindPath)).ino;
      await rename(bindPath, path);
    },
    remove: async () => {
      if (inode !== undefined && (await lstatIfThere(path))?.ino === inode) await unlinkIfThere(path);
    },
  };
}

async function refuseLiving(path: string): Promise<void> {
  const file = await lstatIfThere(path);
  if (file === undefined) return;
  if (!file.isSocket()) {
    throw new ListenError("socket.notASocket", path, `${path} exists and is not a socket; it is left alone`);
  }
  if (await answers(path)) {
    throw new ListenError(
      "socket.inUse",
      path,
      `another process listens on ${path}; stop it, or choose another socket`,
    );
  }
}

/** Connecting to a socket file whose process is gone fails with ECONNREFUSED; any other failure may be a living one. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
    });
  });
}

async function lstatIfThere(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

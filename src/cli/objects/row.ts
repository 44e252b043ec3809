/** A resource of the Networking API as gwctl knows it: everything that its commands differ in. */

import type { Patch, Word } from "./words.ts";

export type View = Readonly<Record<string, unknown>>;

export interface ObjectColumn {
  readonly header: string;
  readonly member: string;
  /** With -o wide only. */
  readonly wide?: true;
}

export interface ResourceRow {
  /** How it is called on the command line; a second word is a command in the first. */
  readonly command: readonly [string, ...string[]];
  /** What its own are in; the commands take one of those first. */
  readonly within?: ResourceRow;
  /** Behind /v2.0/, or behind the object that it is within. */
  readonly path: string;
  /** Of one in a body, and of several in a list. */
  readonly member: string;
  readonly collection: string;
  /** For people. */
  readonly one: string;
  readonly many: string;
  /** What an argument that names one is called; completion goes by it. */
  readonly argument: string;
  /** Members by which one may be called, beside its id. */
  readonly names: readonly string[];
  /** The argument of create; absent: options say all. */
  readonly made?: Pick<Word, "flags" | "about" | "read">;
  readonly options: readonly Word[];
  readonly columns: readonly ObjectColumn[];
  /** Of each command that there is, whole lines. */
  readonly examples: Readonly<
    Partial<Record<"create" | "list" | "show" | "set" | "unset" | "delete", string>>
  >;
  /** Makes one member of what several options say, knowing what it is. */
  readonly arrange?: (patch: Patch, current: View | undefined) => Patch;
}

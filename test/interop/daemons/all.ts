/** Every daemon that we are tried with, in the order of docs/INTEROP.md. */

import { bird } from "./bird.ts";
import type { DaemonKind } from "./daemon.ts";
import { exabgp } from "./exabgp.ts";
import { frr } from "./frr.ts";
import { gobgp } from "./gobgp.ts";
import { openbgpd } from "./openbgpd.ts";

export const DAEMONS: readonly DaemonKind[] = [bird, frr, gobgp, openbgpd, exabgp];

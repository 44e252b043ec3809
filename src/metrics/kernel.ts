/** The kernel as the reconciler finds it. */

import type { Registry } from "prom-client";
import { addCounter, addGauge, one } from "./family.ts";
import type { Read } from "./snapshot.ts";

export function addKernel(registry: Registry, read: Read): void {
  addGauge(
    registry,
    { name: "kernel_connected", help: "1: the privileged process answers. Always 0 with kernel type none." },
    () => one(read().status.kernel.connected),
  );
  addCounter(
    registry,
    { name: "kernel_restarts_total", help: "Times that the privileged process was started again." },
    () => one(read().status.kernel.restarts),
  );
  addGauge(registry, { name: "kernel_routes", help: "Routes of ours in the kernel." }, () =>
    one(read().status.kernel.routes),
  );
  addCounter(
    registry,
    { name: "drift_repairs_total", help: "Times that what the kernel held was not what we had put there." },
    () => one(read().status.kernel.driftRepairs),
  );
  addCounter(
    registry,
    { name: "reconcile_errors_total", help: "Changes that the kernel refused, by part.", labels: ["part"] },
    () => Object.entries(read().reconcileErrors).map(([part, value]) => ({ labels: { part }, value })),
  );
}

/** Exit statuses of gatewayd, as docs/CLI.md lists them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, config: 4 } as const;

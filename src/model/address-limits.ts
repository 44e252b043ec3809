/** What a private address may have of the pools. */

/** What one private address may have at once; undefined: any number. 1..1 000 000 each. */
export interface AddressLimits {
  readonly sessionsPerAddress: number | undefined;
  /** External ports, of TCP and UDP together. */
  readonly portsPerAddress: number | undefined;
  /** With as many at once after a pause. */
  readonly newSessionsPerSecond: number | undefined;
}

export const NO_LIMITS: AddressLimits = {
  sessionsPerAddress: undefined,
  portsPerAddress: undefined,
  newSessionsPerSecond: undefined,
};

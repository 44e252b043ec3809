/** Pools and anycast services, as gateway.yaml says them or as they were made through the API. */

export const OWN_KINDS = ["anycast", "pools"] as const;
export type OwnKind = (typeof OWN_KINDS)[number];

export interface OwnAnswer {
  readonly name: string;
  /** file: gateway.yaml says it, and nobody else changes it. api: it lies in the store. */
  readonly origin: "file" | "api";
  /** Of the API: what was given, in the words of gateway.yaml; absent: the file has it. */
  readonly definition?: Readonly<Record<string, unknown>>;
}

/** What happens, as the API tells it. */

export interface EventAnswer {
  /** Of this run of the gateway, counted up: "mi2x8c-812". Goes into Last-Event-ID. */
  readonly id: string;
  readonly time: string;
  /** A code of docs/LOG.md, or one of those in docs/API.md: "bgp.session.up". */
  readonly event: string;
  readonly level: string;
  readonly msg?: string;
  /** Facts, by the names that the log has for them. */
  readonly [fact: string]: unknown;
}

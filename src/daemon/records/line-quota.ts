/** So many lines of one kind in a period: what others make us write, they could make us write without end. */
export class LineQuota {
  readonly #lines: number;
  readonly #periodMs: number;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #written = 0;
  #unwritten = 0;

  constructor(lines: number, periodMs: number) {
    this.#lines = lines;
    this.#periodMs = periodMs;
  }

  /**
   * Whether a line may be written now. With the first one of a period, `missed` is told how many of the one before were
   * not, if any.
   */
  admits(nowMs: number, missed: (lines: number) => void): boolean {
    if (nowMs - this.#sinceMs >= this.#periodMs) {
      if (this.#unwritten > 0) missed(this.#unwritten);
      this.#sinceMs = nowMs;
      this.#written = 0;
      this.#unwritten = 0;
    }
    if (this.#written === this.#lines) {
      this.#unwritten++;
      return false;
    }
    this.#written++;
    return true;
  }
}

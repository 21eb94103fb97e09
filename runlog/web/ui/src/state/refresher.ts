/** Does something again when it is due: not more often than `least` milliseconds apart, nor than ten times as long as it
 * takes, and never twice at once. */
export class Refresher {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private working: AbortController | null = null;
  private again = false;
  private last = 0;
  private took = 0;

  constructor(
    private readonly task: (signal: AbortSignal) => Promise<void>,
    private readonly least: number,
  ) {}

  /** Do it now, whatever is under way. */
  now(): void {
    this.stop();
    void this.work();
  }

  /** Do it when it is due. */
  soon(): void {
    if (this.working) this.again = true;
    else this.timer ??= setTimeout(() => void this.work(), this.wait());
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.again = false;
    this.working?.abort();
    this.working = null;
  }

  private wait(): number {
    return Math.max(0, this.last + Math.max(this.least, 10 * this.took) - performance.now());
  }

  private async work(): Promise<void> {
    this.timer = undefined;
    const working = new AbortController();
    this.working = working;
    const began = performance.now();
    try {
      await this.task(working.signal);
    } finally {
      if (this.working === working) {
        this.working = null;
        this.last = performance.now();
        this.took = this.last - began;
        if (this.again) {
          this.again = false;
          this.soon();
        }
      }
    }
  }
}

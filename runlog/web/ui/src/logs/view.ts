// The state of the logs page: what is loaded, what is counted, what comes in live.
import { signal } from "@preact/signals";
import type { LiveHandlers } from "../api/live";
import type { LevelHistogram, Log, LogsDelta, LogsPage, Skip } from "../api/types";
import { toast } from "../parts/toast";
import { Refresher } from "../state/refresher";
import { Search, type Source, server } from "../state/search";
import { LogLines } from "./lines";

const BARS = 80;
/** Lines before and after, in the context of one. */
const AROUND = 10;
const NONE_AROUND = "There are no other lines around it";
const NONE_IN_RUN = "Its run has no other lines around it; with Alt: the lines of all runs";

export class LogsView extends Search<LogsPage, LogLines> {
  readonly histogram = signal<LevelHistogram | null>(null);
  /** New lines are held back until they are asked for. */
  readonly paused = signal(false);
  /** Of the lines around a line: why they could not be read. */
  readonly aroundFailure = signal<unknown>(null);
  /** The end where new lines come in is in sight. */
  atEdge = true;

  private readonly counts = new Refresher((signal) => this.loadCounts(signal), 1_500);

  constructor(source: Source = server) {
    super("logs", source);
  }

  /** Show the lines that came in since, and let others come in. */
  show(): void {
    this.paused.value = false;
    this.takeIn();
    this.changed();
  }

  pauseOrGoOn(): void {
    if (this.paused.peek()) this.show();
    else this.paused.value = true;
  }

  /** The user is, or is no longer, where new lines come in. */
  moved(atEdge: boolean): void {
    if (this.atEdge === atEdge) return;
    this.atEdge = atEdge;
    if (atEdge && !this.paused.peek() && this.list.held) this.show();
  }

  /** Show the lines before and after one, in its run or of all runs; or no longer. */
  async toggleAround({ id, run_id }: Log, everywhere: boolean): Promise<void> {
    const { list } = this;
    if (list.isOpen(id)) list.close(id);
    else {
      const run = everywhere || run_id === null ? undefined : run_id;
      const asked = { event: id, before: AROUND, after: AROUND, run };
      try {
        const page = await this.source.get<LogsPage>("/api/logs/around", asked);
        this.aroundFailure.value = null;
        if (page.items.every((log) => list.has(log.id))) toast(run === undefined ? NONE_AROUND : NONE_IN_RUN);
        else list.open(id, page.items);
      } catch (error) {
        this.aroundFailure.value = error;
      }
    }
    this.changed();
  }

  protected fresh(): LogLines {
    return new LogLines();
  }

  protected forget(): void {
    this.histogram.value = null;
    this.aroundFailure.value = null;
  }

  protected summaries(): Refresher[] {
    return [this.counts];
  }

  protected handlers(): LiveHandlers {
    return {
      logs: (data) => this.apply(data as LogsDelta),
      skip: (data) => {
        this.list.holdGap((data as Skip).count);
        this.came();
      },
    };
  }

  private apply(delta: LogsDelta): void {
    const { from = 0, to = Number.POSITIVE_INFINITY } = this.asked();
    const items = delta.items.filter((log) => log.time >= from && log.time < to);
    if (items.length === 0) return;
    this.list.hold(items);
    this.came();
  }

  private came(): void {
    if (!this.paused.peek() && this.atEdge) this.takeIn();
    this.changed();
    this.counts.soon();
  }

  private takeIn(): void {
    if (!this.list.show()) this.reload();
  }

  private async loadCounts(signal: AbortSignal): Promise<void> {
    await this.summary(async () => {
      this.histogram.value = await this.source.get<LevelHistogram>(
        "/api/logs/histogram",
        { ...this.asked(), buckets: BARS },
        signal,
      );
    });
  }
}

// Something that is asked for again whenever something was recorded.
import { signal } from "@preact/signals";
import { isAbort } from "../api/client";
import type { LiveStream } from "../api/live";
import { Refresher } from "./refresher";
import { type Source, server } from "./search";

/** At most so often, in milliseconds. */
const LEAST = 3000;

export class Following<T> {
  readonly answer = signal<T | null>(null);
  /** Why the last answer could not be had. */
  readonly failure = signal<unknown>(null);
  private readonly refresher = new Refresher((signal) => this.load(signal), LEAST);
  private stream: LiveStream | null = null;

  constructor(
    private readonly ask: (source: Source, signal: AbortSignal) => Promise<T>,
    private readonly source: Source = server,
  ) {}

  /** Ask now, and then as the log grows. */
  start(): void {
    this.refresher.now();
    this.stream ??= this.source.openLive({ view: "tick" }, "", { tick: () => this.refresher.soon() }, (state) => {
      if (state === "live") this.refresher.soon(); // for what came before it
    });
  }

  /** Stop asking, as when another view is shown. */
  pause(): void {
    this.refresher.stop();
    this.stream?.close();
    this.stream = null;
  }

  reload(): void {
    this.refresher.now();
  }

  private async load(signal: AbortSignal): Promise<void> {
    try {
      const answer = await this.ask(this.source, signal);
      if (signal.aborted) return;
      this.answer.value = answer;
      this.failure.value = null;
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) this.failure.value = error;
    }
  }
}

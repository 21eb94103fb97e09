// A run as the page has it: loaded once, then kept up by the stream. Without the DOM.
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { get, isAbort } from "../api/client";
import { type LiveStream, openLive } from "../api/live";
import type { RunDelta, RunDetail, RunRow, RunsDelta, TracePage } from "../api/types";
import { statusLook } from "../format/status";
import { TraceLoader } from "./timeline/load";
import { TraceStore } from "./timeline/store";

/** Where a run comes from: the API; in tests something else. */
export interface RunSource {
  detail(runId: string, signal: AbortSignal): Promise<RunDetail>;
  live: typeof openLive;
  loader(store: TraceStore): TraceLoader;
}

const api: RunSource = {
  detail: (runId, signal) => get<RunDetail>(`/api/runs/${encodeURIComponent(runId)}`, {}, signal),
  live: openLive,
  loader: (store) => new TraceLoader(store),
};

/** What a run's page shows: the run, its trace, and who loads more of it. */
export interface Shown {
  detail: RunDetail;
  store: TraceStore;
  loader: TraceLoader;
}

/** After a change the whole is read again, at most so often, in milliseconds. */
const REREAD = 1000;
const NOW = 0;
/** Why a run stands still may change without a change of the run: read again so often while it has not ended. */
const LOOK_AGAIN = 10_000;

export class RunModel {
  readonly #shown = signal<Shown | null>(null);
  readonly #error: Signal<unknown> = signal(null);
  #stop = new AbortController();
  #stream: LiveStream | null = null;
  #reread: ReturnType<typeof setTimeout> | undefined;
  #lastRead = 0;
  #closed = false;

  constructor(
    readonly runId: string,
    private readonly source: RunSource = api,
  ) {}

  get shown(): ReadonlySignal<Shown | null> {
    return this.#shown;
  }

  /** Why there is nothing to show; null while there is or may be. */
  get error(): ReadonlySignal<unknown> {
    return this.#error;
  }

  /** Read everything anew. What is shown stays until the new is there. */
  async load(): Promise<void> {
    this.#drop();
    const stop = new AbortController();
    this.#stop = stop;
    try {
      const detail = await this.source.detail(this.runId, stop.signal);
      if (stop.signal.aborted) return;
      this.#lastRead = Date.now();
      const store = new TraceStore(detail.run);
      const loader = this.source.loader(store);
      this.#error.value = null;
      this.#shown.value = { detail, store, loader };
      void loader.start();
      this.#follow(detail.position, store, loader);
      this.#readSoon(LOOK_AGAIN);
    } catch (error) {
      if (!isAbort(error) && !stop.signal.aborted) this.#error.value = error;
    }
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #drop(): void {
    this.#stop.abort();
    this.#stream?.close();
    this.#stream = null;
    this.#shown.peek()?.loader.close();
    clearTimeout(this.#reread);
    this.#reread = undefined;
  }

  #follow(position: string, store: TraceStore, loader: TraceLoader): void {
    this.#stream = this.source.live(
      { view: "run", run: store.main.run.run_id },
      position,
      {
        trace: (data) => {
          store.apply(data as TracePage);
          loader.refresh();
        },
        run: (data) => this.#take(data as RunDelta),
        runs: (data) => {
          store.setRuns((data as RunsDelta).rows);
          loader.refresh();
        },
        skip: () => void loader.start(), // what was left out is read; what comes meanwhile waits for it
        reset: () => void this.load(),
        end: () => this.#readSoon(NOW),
      },
      () => undefined,
    );
  }

  #take({ run, headline }: RunDelta): void {
    const shown = this.#shown.peek();
    if (shown === null) return;
    const before = shown.detail.run;
    if (isOlder(run, before)) return;
    shown.store.setRun(run);
    this.#shown.value = { ...shown, detail: { ...shown.detail, run, headline } };
    if (run.version !== before.version) this.#readSoon(statusLook(run.status).ended ? NOW : REREAD);
  }

  /** Data, options, links and the cause are not in the stream: after a change of state they are read again. */
  #readSoon(wait: number): void {
    clearTimeout(this.#reread);
    const shown = this.#shown.peek();
    if (this.#closed || shown === null) return;
    if (wait === LOOK_AGAIN && statusLook(shown.detail.run.status).ended) return;
    const left = wait === REREAD ? Math.max(0, this.#lastRead + REREAD - Date.now()) : wait;
    this.#reread = setTimeout(() => void this.#readAgain(), left);
  }

  async #readAgain(): Promise<void> {
    const { signal } = this.#stop;
    try {
      const detail = await this.source.detail(this.runId, signal);
      const shown = this.#shown.peek();
      if (signal.aborted || shown === null) return;
      this.#lastRead = Date.now();
      if (!isOlder(detail.run, shown.detail.run)) {
        shown.store.setRun(detail.run);
        this.#shown.value = { ...shown, detail };
      }
    } catch {
      // What is shown stays; the next change, or the next look, reads it.
    }
    if (!signal.aborted) this.#readSoon(LOOK_AGAIN);
  }
}

function isOlder(run: RunRow, known: RunRow): boolean {
  if (run.version !== known.version) return run.version < known.version;
  return run.spans + run.logs < known.spans + known.logs;
}

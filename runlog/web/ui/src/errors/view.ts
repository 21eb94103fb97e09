// The state of the errors page: what is loaded, and loaded again as the log grows.
import { signal } from "@preact/signals";
import { ApiError, isAbort, type Params } from "../api/client";
import type { LiveStream } from "../api/live";
import type { ErrorsPage } from "../api/types";
import { type Range, spanOf } from "../format/range";
import { serverNow } from "../state/clock";
import { Refresher } from "../state/refresher";
import { type Source, server } from "../state/search";
import { Groups, type Sort } from "./groups";

export interface Wanted {
  q: string;
  range: Range;
  sort: Sort;
}

/** As the log grows it is asked again at most so often, in milliseconds. */
const LEAST = 3000;
/** Kinds that are shown at most. */
const MOST = 1000;

/** Something that is asked for again whenever something was recorded. */
export abstract class Following<T> {
  readonly answer = signal<T | null>(null);
  readonly failure = signal<unknown>(null);
  private readonly refresher = new Refresher((signal) => this.load(signal), LEAST);
  private stream: LiveStream | null = null;

  protected constructor(protected readonly source: Source) {}

  protected abstract ask(signal: AbortSignal): Promise<T>;

  start(): void {
    this.refresher.now();
    this.stream ??= this.source.openLive({ view: "tick" }, "", { tick: () => this.refresher.soon() }, (state) => {
      if (state === "live") this.refresher.soon();
    });
  }

  /** Stop asking, as when another view is shown. */
  pause(): void {
    this.refresher.stop();
    this.stream?.close();
    this.stream = null;
  }

  reload(): void {
    this.failure.value = null;
    this.refresher.now();
  }

  private async load(signal: AbortSignal): Promise<void> {
    try {
      const answer = await this.ask(signal);
      if (signal.aborted) return;
      this.answer.value = answer;
      this.failure.value = null;
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) this.failure.value = error;
    }
  }
}

export class ErrorsView extends Following<ErrorsPage> {
  /** Grows with each change of `groups`. */
  readonly version = signal(0);
  groups = new Groups("last");
  private wanted: Wanted | null = null;

  constructor(source: Source = server) {
    super(source);
  }

  want(wanted: Wanted): void {
    const before = this.wanted;
    this.wanted = wanted;
    const { q, range, sort } = wanted;
    if (before?.q !== q || before.range.from !== range.from || before.range.to !== range.to) {
      this.groups = new Groups(sort);
      this.answer.value = null;
      this.failure.value = null;
    } else if (before.sort !== sort) {
      const { shown, waiting } = this.groups;
      this.groups = new Groups(sort);
      this.groups.take([...shown, ...waiting]);
    }
    this.version.value++;
    this.start();
  }

  /** Show what waits, in order. */
  tidy(): void {
    this.groups.tidy();
    this.version.value++;
  }

  protected async ask(signal: AbortSignal): Promise<ErrorsPage> {
    const { q, range } = this.wanted ?? { q: "", range: { from: null, to: null } };
    const page = await this.source
      .get<ErrorsPage>("/api/errors", { ...timeAsked(q, range), limit: MOST }, signal)
      .catch((error: unknown) => {
        if (error instanceof ApiError && error.problem.code === "no-log") return NOTHING;
        throw error;
      });
    if (!signal.aborted) {
      this.groups.take(page.groups);
      this.version.value++;
    }
    return page;
  }
}

/** The server takes no time to mean the last week. */
export function timeAsked(q: string, range: Range): Params {
  const { from = 0, to } = spanOf(range, serverNow());
  return { q, from, to };
}

/** Nothing was ever recorded. */
const NOTHING: ErrorsPage = { start: 0, end: 0, groups: [], total: 0, searched_to: null };

// What the lists of runs and of logs have in common: pages of what matches a query, a search that goes on, and a stream
// that tells what is new from exactly where the first page ends.
import { signal } from "@preact/signals";
import { ApiError, get, isAbort, type Params } from "../api/client";
import { type LiveHandlers, type LiveState, type LiveStream, openLive } from "../api/live";
import { isRelative, type Range, type Span, spanOf } from "../format/range";
import { serverNow } from "./clock";
import type { Refresher } from "./refresher";

export interface Wanted {
  q: string;
  range: Range;
  /** The columns of the data, as the API takes them. */
  columns: string;
  /** Of logs: runlog's own lines too. */
  own?: boolean;
}

export interface Page {
  items: readonly unknown[];
  cursor: string | null;
  searched_to: number | null;
  position: string;
}

/** What a list is made of. */
export interface Pages<P extends Page> {
  /** How many there are. */
  readonly length: number;
  readonly cursor: string | null;
  /** How far back the search has come, where there is more to search. */
  readonly searchedTo: number | null;
  append(page: P): void;
}

/** What is asked of the server; a test brings its own. */
export interface Source {
  get: typeof get;
  openLive: typeof openLive;
}

export const server: Source = { get, openLive };

const PAGE = 100;
/** A search without an index goes on by itself until it has found a screenful, this often at most. */
const ROUNDS = 8;
const SCREENFUL = 30;
const SLIDE = 15_000;

export abstract class Search<P extends Page, L extends Pages<P>> {
  readonly state = signal<"loading" | "ready" | "failed">("loading");
  /** Why the list could not be loaded. */
  readonly failure = signal<unknown>(null);
  /** Grows with each change of `list`. */
  readonly version = signal(0);
  readonly searching = signal(false);
  readonly moreFailure = signal<unknown>(null);
  /** Why what is counted could not be. */
  readonly summaryFailure = signal<unknown>(null);
  readonly live = signal<LiveState>("connecting");
  list: L;
  protected wanted: Wanted = { q: "", range: { from: null, to: null }, columns: "" };
  private isWanted = false;
  private loading: AbortController | null = null;
  private stream: LiveStream | null = null;
  private position = "";
  private sliding: ReturnType<typeof setInterval> | undefined;

  protected constructor(
    /** Of the API and of the stream: `runs` or `logs`. */
    private readonly view: string,
    protected readonly source: Source,
  ) {
    this.list = this.fresh();
  }

  protected abstract fresh(): L;
  protected abstract handlers(): LiveHandlers;
  /** What is counted over all that matches. */
  protected abstract summaries(): Refresher[];
  /** What belongs to another query or range is to be dropped. */
  protected abstract forget(): void;

  /** Show what is wanted; what is shown already is kept. */
  want(wanted: Wanted): void {
    const before = this.isWanted ? this.wanted : null;
    this.wanted = wanted;
    this.isWanted = true;
    const other =
      before === null || before.q !== wanted.q || before.own !== wanted.own || !sameRange(before.range, wanted.range);
    if (other || before?.columns !== wanted.columns) {
      if (other) this.clear();
      this.reload();
    } else if (!this.stream && this.state.peek() === "ready") this.resume();
  }

  /** Load all of it anew. What is shown stays until the answer is there. */
  reload(): void {
    this.pause();
    this.loading = new AbortController();
    if (this.list.length === 0 && this.state.peek() !== "failed") this.state.value = "loading"; // a failure stays to be read
    void this.load(this.loading.signal);
    for (const summary of this.summaries()) summary.now();
  }

  /** Stop asking, as when another view is shown. */
  pause(): void {
    this.loading?.abort();
    this.loading = null;
    this.searching.value = false;
    if (this.stream) this.position = this.stream.position();
    this.stream?.close();
    this.stream = null;
    for (const summary of this.summaries()) summary.stop();
    clearInterval(this.sliding);
  }

  /** Load the next page, or search further back. */
  async more(): Promise<void> {
    const { loading } = this;
    if (!loading || this.searching.peek() || this.list.cursor === null) return;
    this.searching.value = true;
    this.moreFailure.value = null;
    try {
      await this.search(loading.signal, this.list.length + SCREENFUL);
    } catch (error) {
      if (!isAbort(error)) this.moreFailure.value = error;
    } finally {
      if (this.loading === loading) this.searching.value = false;
    }
  }

  /** The query and the range, for a request. */
  asked(): Params & Span {
    const { q, own, range } = this.wanted;
    return { q, ...(own && { own: 1 }), ...spanOf(range, serverNow()) };
  }

  protected changed(): void {
    this.version.value += 1;
  }

  /** Ask for something counted; what fails is said beside the list. */
  protected async summary(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.summaryFailure.value = null;
    } catch (error) {
      if (!isAbort(error)) this.summaryFailure.value = isNoLog(error) ? null : error;
    }
  }

  private clear(): void {
    this.list = this.fresh();
    this.forget();
    this.changed();
  }

  private async load(signal: AbortSignal): Promise<void> {
    const list = this.fresh();
    try {
      const page = await this.page(signal, null);
      list.append(page);
      this.position = page.position;
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      if (!isNoLog(error)) {
        this.failure.value = error;
        this.state.value = "failed";
        return;
      }
      this.position = "0.0"; // nothing is recorded yet: the stream tells of the first
    }
    this.list = list;
    this.failure.value = null;
    this.moreFailure.value = null;
    this.state.value = "ready";
    this.changed();
    this.follow();
    if (this.list.searchedTo !== null && this.list.length < SCREENFUL) void this.more();
  }

  private async search(signal: AbortSignal, enough: number): Promise<void> {
    for (let round = 0; round < ROUNDS && this.list.cursor !== null; round++) {
      const page = await this.page(signal, this.list.cursor);
      if (signal.aborted) return;
      this.list.append(page);
      this.changed();
      if (this.list.searchedTo === null || this.list.length >= enough) return;
    }
  }

  private page(signal: AbortSignal, cursor: string | null): Promise<P> {
    const { columns } = this.wanted;
    return this.source.get<P>(
      `/api/${this.view}`,
      { ...this.asked(), ...(columns && { columns }), limit: PAGE, ...(cursor !== null && { cursor }) },
      signal,
    );
  }

  private resume(): void {
    this.loading = new AbortController();
    this.follow();
    for (const summary of this.summaries()) summary.now();
  }

  private follow(): void {
    const { q, columns, own, range } = this.wanted;
    const again = { skip: () => this.reload(), reset: () => this.reload() };
    this.stream = this.source.openLive(
      { view: this.view, ...(q && { q }), ...(columns && { columns }), ...(own && { own: "1" }) },
      this.position,
      { ...again, ...this.handlers() },
      (state) => {
        if (state === "live" && this.live.peek() === "lost") this.recount(); // what failed meanwhile
        this.live.value = state;
      },
    );
    clearInterval(this.sliding);
    if (!isRelative(range)) return;
    this.sliding = setInterval(() => this.recount(), SLIDE);
  }

  private recount(): void {
    for (const summary of this.summaries()) summary.soon();
  }
}

function isNoLog(error: unknown): boolean {
  return error instanceof ApiError && error.problem.code === "no-log";
}

function sameRange(one: Range, other: Range): boolean {
  return one.from === other.from && one.to === other.to;
}

// The state of the runs page: what is loaded, what is counted, what comes in live.
import { signal } from "@preact/signals";
import { ApiError, get, isAbort } from "../api/client";
import { type LiveState, type LiveStream, openLive } from "../api/live";
import type { Count, Facet, Facets, RunHistogram, RunsDelta, RunsPage } from "../api/types";
import { isRelative, type Range, spanOf } from "../format/range";
import { serverNow } from "../state/clock";
import { Chosen, RunsList } from "./list";
import { Refresher } from "./refresher";

/** What the address asks for. */
export interface Wanted {
  q: string;
  range: Range;
  /** The columns of the data, as the API takes them. */
  columns: string;
}

/** What the page asks of the server; a test brings its own. */
export interface Source {
  get: typeof get;
  openLive: typeof openLive;
}

const PAGE = 100;
/** A search without an index goes on by itself until it has found a screenful, this often at most. */
const ROUNDS = 8;
const SCREENFUL = 30;
/** While it follows, the list is loaded anew rather than growing beyond. */
const LONGEST = 3_000;
const SLIDE = 15_000;

export class RunsView {
  readonly state = signal<"loading" | "ready" | "failed">("loading");
  /** Why the list could not be loaded. */
  readonly failure = signal<unknown>(null);
  /** Grows with each change of `list`. */
  readonly version = signal(0);
  readonly searching = signal(false);
  readonly moreFailure = signal<unknown>(null);
  readonly count = signal<Count | null>(null);
  readonly histogram = signal<RunHistogram | null>(null);
  readonly facets = signal<Facet[] | null>(null);
  readonly summaryFailure = signal<unknown>(null);
  readonly live = signal<LiveState>("connecting");
  readonly chosen = signal(new Chosen());
  /** New runs come in by themselves while the first row is in view and nothing is chosen. */
  readonly following = signal(true);
  /** Attribute keys that facets are wanted for besides the usual. */
  readonly facetKeys = signal<readonly string[]>([]);
  list = new RunsList();
  atTop = true;

  private wanted: Wanted | null = null;
  private loading: AbortController | null = null;
  private stream: LiveStream | null = null;
  private position = "";
  private sliding: ReturnType<typeof setInterval> | undefined;
  private readonly counts = new Refresher((signal) => this.loadCounts(signal), 1_000);
  private readonly sides = new Refresher((signal) => this.loadFacets(signal), 4_000);

  constructor(private readonly source: Source = { get, openLive }) {}

  /** Show what is wanted; what is shown already is kept. */
  want(wanted: Wanted): void {
    const before = this.wanted;
    this.wanted = wanted;
    if (before && same(before, wanted)) {
      if (!this.stream && this.state.peek() === "ready") this.resume();
      return;
    }
    if (before && (before.q !== wanted.q || !sameRange(before.range, wanted.range))) this.forget();
    this.reload();
  }

  /** Load all of it anew. What is shown stays until the answer is there. */
  reload(): void {
    this.pause();
    this.loading = new AbortController();
    if (this.list.rows.length === 0) this.state.value = "loading";
    void this.load(this.loading.signal);
    this.counts.now();
    this.sides.now();
  }

  /** Stop asking, as when another view is shown. */
  pause(): void {
    this.loading?.abort();
    this.loading = null;
    this.searching.value = false;
    if (this.stream) this.position = this.stream.position();
    this.stream?.close();
    this.stream = null;
    this.counts.stop();
    this.sides.stop();
    clearInterval(this.sliding);
  }

  /** Show the runs that came in since. */
  show(): void {
    if (this.list.show()) this.version.value += 1;
    else this.reload();
  }

  /** Load the next page, or search further back. */
  async more(): Promise<void> {
    const { loading } = this;
    if (!loading || this.searching.peek() || this.list.cursor === null) return;
    this.searching.value = true;
    this.moreFailure.value = null;
    try {
      await this.search(loading.signal, this.list.rows.length + SCREENFUL);
    } catch (error) {
      if (!isAbort(error)) this.moreFailure.value = error;
    } finally {
      if (this.loading === loading) this.searching.value = false;
    }
  }

  wantFacet(key: string): void {
    if (!this.facetKeys.peek().includes(key)) this.facetKeys.value = [...this.facetKeys.peek(), key];
    this.sides.now();
  }

  dropFacet(key: string): void {
    this.facetKeys.value = this.facetKeys.peek().filter((known) => known !== key);
    this.facets.value = this.facets.peek()?.filter((facet) => facet.key !== key) ?? null;
  }

  private forget(): void {
    this.list = new RunsList();
    this.count.value = null;
    this.histogram.value = null;
    this.chosen.value = new Chosen();
    this.version.value += 1;
  }

  private async load(signal: AbortSignal): Promise<void> {
    try {
      const page = await this.page(signal, null);
      this.list = new RunsList(page);
      this.position = page.position;
      this.failure.value = null;
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      if (!isNoLog(error)) {
        this.failure.value = error;
        this.state.value = "failed";
        return;
      }
      this.list = new RunsList(); // nothing is recorded yet: the stream tells of the first
      this.position = "0.0";
    }
    this.state.value = "ready";
    this.version.value += 1;
    this.follow();
    if (this.list.searchedTo !== null && this.list.rows.length < SCREENFUL) void this.more();
  }

  private async search(signal: AbortSignal, enough: number): Promise<void> {
    for (let round = 0; round < ROUNDS && this.list.cursor !== null; round++) {
      this.list.append(await this.page(signal, this.list.cursor));
      this.version.value += 1;
      if (this.list.searchedTo === null || this.list.rows.length >= enough) return;
    }
  }

  private page(signal: AbortSignal, cursor: string | null): Promise<RunsPage> {
    const more = cursor === null ? {} : { cursor };
    return this.source.get<RunsPage>(
      "/api/runs",
      { ...this.asked(), columns: this.wanted?.columns, limit: PAGE, ...more },
      signal,
    );
  }

  private asked(): { q: string | undefined; from: number | undefined; to: number | undefined } {
    const range = this.wanted?.range ?? { from: null, to: null };
    return { q: this.wanted?.q, ...spanOf(range, serverNow()) };
  }

  private resume(): void {
    this.loading = new AbortController();
    this.follow();
    this.counts.now();
    this.sides.now();
  }

  private follow(): void {
    const { wanted } = this;
    if (!wanted) return;
    this.stream = this.source.openLive(
      { view: "runs", q: wanted.q, columns: wanted.columns },
      this.position,
      {
        runs: (data) => this.apply(data as RunsDelta),
        skip: () => this.reload(),
        reset: () => this.reload(),
      },
      (state) => {
        this.live.value = state;
      },
    );
    clearInterval(this.sliding);
    if (isRelative(wanted.range)) this.sliding = setInterval(() => this.counts.soon(), SLIDE);
  }

  private apply(delta: RunsDelta): void {
    const { from, to } = this.asked();
    const rows = delta.rows.filter(
      (run) =>
        this.list.find(run.run_id) || (run.created >= (from ?? 0) && run.created < (to ?? Number.POSITIVE_INFINITY)),
    );
    this.list.apply({ ...delta, rows, created: Math.min(delta.created, rows.length) });
    if (this.following.peek() && this.atTop && this.chosen.peek().none && this.list.held) this.takeIn();
    this.version.value += 1;
    this.counts.soon();
    this.sides.soon();
  }

  private takeIn(): void {
    if (this.list.rows.length > LONGEST || !this.list.show()) this.reload();
  }

  private async loadCounts(signal: AbortSignal): Promise<void> {
    const asked = this.asked();
    await this.summary(async () => {
      const histogram = this.source.get<RunHistogram>("/api/runs/histogram", { ...asked, buckets: 80 }, signal);
      const count = this.source.get<Count>("/api/runs/count", asked, signal);
      this.histogram.value = await histogram;
      this.count.value = await count;
    });
  }

  private async loadFacets(signal: AbortSignal): Promise<void> {
    const keys = this.facetKeys.peek().join(",");
    await this.summary(async () => {
      this.facets.value = (await this.source.get<Facets>("/api/runs/facets", { ...this.asked(), keys }, signal)).facets;
    });
  }

  private async summary(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.summaryFailure.value = null;
    } catch (error) {
      if (!isAbort(error) && !isNoLog(error)) this.summaryFailure.value = error;
    }
  }
}

function isNoLog(error: unknown): boolean {
  return error instanceof ApiError && error.problem.code === "no-log";
}

function same(one: Wanted, other: Wanted): boolean {
  return one.q === other.q && one.columns === other.columns && sameRange(one.range, other.range);
}

function sameRange(one: Range, other: Range): boolean {
  return one.from === other.from && one.to === other.to;
}

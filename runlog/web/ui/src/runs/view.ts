// The state of the runs page: what is loaded, what is counted, what comes in live.
import { signal } from "@preact/signals";
import { ApiError } from "../api/client";
import type { LiveHandlers } from "../api/live";
import type { Count, Facet, Facets, FacetValue, Problem, RunHistogram, RunsDelta, RunsPage } from "../api/types";
import { keysOf } from "../format/query";
import { Refresher } from "../state/refresher";
import { Search, type Source, server } from "../state/search";
import { escapeName } from "./columns";
import { Chosen, RunsList } from "./list";

/** While it follows, the list is loaded anew rather than growing beyond. */
const LONGEST = 3_000;
const BARS = 80;
const LEAVERS = 50;

export class RunsView extends Search<RunsPage, RunsList> {
  readonly count = signal<Count | null>(null);
  readonly histogram = signal<RunHistogram | null>(null);
  readonly facets = signal<Facet[] | null>(null);
  readonly chosen = signal(new Chosen());
  /** New runs come in by themselves while the first row is in view and nothing is chosen. */
  readonly following = signal(true);
  /** Keys that facets are wanted for besides the usual. */
  readonly facetKeys = signal<readonly string[]>([]);
  /** Why the last one that was asked for has none. */
  readonly facetProblem = signal<Problem | null>(null);
  atTop = true;

  private knownKeys: readonly string[] = [];
  private readonly values = new Map<string, FacetValue[]>();
  private readonly counts = new Refresher((signal) => this.loadCounts(signal), 1_000);
  private readonly sides = new Refresher((signal) => this.loadFacets(signal), 4_000);

  private readonly leavers = new Refresher((signal) => this.loadLeavers(signal), 500);

  constructor(source: Source = server) {
    super("runs", source);
  }

  /** Show the runs that came in since. */
  show(): void {
    if (this.list.show()) this.changed();
    else this.reload();
  }

  wantFacet(key: string): void {
    this.facetProblem.value = null;
    if (!this.facetKeys.peek().includes(key)) this.facetKeys.value = [...this.facetKeys.peek(), key];
    this.sides.now();
  }

  dropFacet(key: string): void {
    this.facetKeys.value = this.facetKeys.peek().filter((known) => known !== key);
    this.facets.value = this.facets.peek()?.filter((facet) => facet.key !== key) ?? null;
  }

  protected fresh(): RunsList {
    return new RunsList();
  }

  protected forget(): void {
    this.count.value = null;
    this.histogram.value = null;
    this.chosen.value = new Chosen();
  }

  protected summaries(): Refresher[] {
    return [this.counts, this.sides, this.leavers];
  }

  protected handlers(): LiveHandlers {
    return { runs: (data) => this.apply(data as RunsDelta), skip: () => this.miss() };
  }

  /** It fell too far behind: load anew, but not under the reader's hand. */
  private miss(): void {
    this.list.missed = true;
    if (this.mayMove) this.reload();
    else this.changed();
  }

  /** The first row is in sight, and nothing is chosen. */
  private get mayMove(): boolean {
    return this.atTop && this.chosen.peek().none;
  }

  private apply(delta: RunsDelta): void {
    const { from = 0, to = Number.POSITIVE_INFINITY } = this.asked();
    const rows = delta.rows.filter(
      (run) => this.list.find(run.run_id) !== undefined || (run.created >= from && run.created < to),
    );
    this.list.apply({ ...delta, rows });
    if (this.following.peek() && this.mayMove && this.list.held) this.takeIn();
    this.changed();
    this.counts.soon();
    this.sides.soon();
    if (delta.gone.length) this.leavers.soon();
  }

  private takeIn(): void {
    if (this.list.length > LONGEST || !this.list.show()) this.reload();
  }

  private async loadCounts(signal: AbortSignal): Promise<void> {
    const asked = this.asked();
    await this.summary(async () => {
      const histogram = this.source.get<RunHistogram>("/api/runs/histogram", { ...asked, buckets: BARS }, signal);
      const count = this.source.get<Count>("/api/runs/count", asked, signal);
      [this.histogram.value, this.count.value] = await Promise.all([histogram, count]);
    });
  }

  /** What became of the rows that match no longer. */
  private async loadLeavers(signal: AbortSignal): Promise<void> {
    const ids = this.list.stale(LEAVERS);
    if (ids.length === 0) return;
    await this.summary(async () => {
      const asked = { q: `run:(${ids.join(" OR ")})`, columns: this.wanted.columns, limit: ids.length };
      this.list.refresh(ids, (await this.source.get<RunsPage>("/api/runs", asked, signal)).items);
      this.changed();
    });
    if (this.list.stale(1).length) this.leavers.soon();
  }

  private async loadFacets(signal: AbortSignal): Promise<void> {
    const keys = this.facetKeys.peek();
    const asked = { ...this.asked(), keys: keys.map(escapeName).join(",") };
    await this.summary(async () => {
      try {
        const found = (await this.source.get<Facets>("/api/runs/facets", asked, signal)).facets;
        this.facets.value = this.withOthers(found);
        this.knownKeys = keys;
      } catch (error) {
        if (keys === this.knownKeys || !(error instanceof ApiError) || error.status !== 400) throw error;
        this.refuseFacet(error.problem);
      }
    });
  }

  /** Where the query chooses among the values of a key, the others stay to be chosen: as they were before. */
  private withOthers(found: Facet[]): Facet[] {
    const chosen = keysOf(this.wanted.q);
    return found.map((facet) => {
      if (!chosen.has(facet.key)) {
        this.values.set(facet.key, facet.values);
        return facet;
      }
      const known = new Set(facet.values.map((value) => value.value));
      const others = (this.values.get(facet.key) ?? []).filter((value) => !known.has(value.value));
      return { ...facet, values: [...facet.values, ...others.map((value) => ({ ...value, count: 0 }))] };
    });
  }

  /** The key that was asked for last has no values to count. */
  private refuseFacet(problem: Problem): void {
    this.facetKeys.value = this.knownKeys;
    this.facetProblem.value = problem;
  }
}

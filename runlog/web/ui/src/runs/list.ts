import type { RunRow, RunsDelta, RunsPage } from "../api/types";

export interface Entry {
  run: RunRow;
  /** It matched when it was loaded and does no longer: shown faded, so that nothing jumps, until the next fresh look. */
  gone: boolean;
  /** What became of it since is not known yet: who no longer matches is named, not sent. */
  stale?: boolean;
}

/** New rows that are held back are kept up to here; with more of them, showing them means loading anew. */
const MOST_WAITING = 500;

/** The rows of the runs list, newest first: pages appended at the end, and changes applied in place.
 *
 * What is new is held back until `show`, so that no row moves under the reader's hand. */
export class RunsList {
  rows: Entry[] = [];
  cursor: string | null = null;
  /** How far back the search has come, where there is more to search. */
  searchedTo: number | null = null;
  /** More changed at once than was sent: what is shown may be out of date. */
  missed = false;
  private readonly byId = new Map<string, Entry>();
  private readonly waiting = new Map<string, RunRow>();
  /** Created, and not sent with the change that told of them. */
  private unsent = 0;

  constructor(page?: RunsPage) {
    if (page) this.append(page);
  }

  get length(): number {
    return this.rows.length;
  }

  /** How many new runs are held back. */
  get held(): number {
    return this.waiting.size + this.unsent;
  }

  get goneCount(): number {
    return this.rows.reduce((sum, entry) => sum + (entry.gone ? 1 : 0), 0);
  }

  find(runId: string): RunRow | undefined {
    return this.byId.get(runId)?.run;
  }

  indexOf(runId: string): number {
    const entry = this.byId.get(runId);
    return entry ? this.rows.indexOf(entry) : -1;
  }

  /** Add the next page. */
  append(page: RunsPage): void {
    for (const run of page.items) {
      this.waiting.delete(run.run_id);
      const known = this.byId.get(run.run_id);
      if (known) this.change(known, run);
      else this.put({ run, gone: false });
    }
    this.cursor = page.cursor;
    this.searchedTo = page.searched_to;
  }

  /** Apply a change from the live stream. */
  apply(delta: RunsDelta): void {
    for (const run of delta.rows) {
      const known = this.byId.get(run.run_id);
      if (known) this.change(known, run);
      else if (this.waiting.has(run.run_id) || !this.isBeyond(run)) {
        this.waiting.set(run.run_id, newer(this.waiting.get(run.run_id), run));
      }
    }
    for (const runId of delta.gone) {
      this.waiting.delete(runId);
      const known = this.byId.get(runId);
      if (known) known.gone = known.stale = true;
    }
    if (this.waiting.size > MOST_WAITING) this.dropWaiting();
  }

  /** Rows that are gone, whose state is not known: some at a time. */
  stale(most: number): string[] {
    const ids: string[] = [];
    for (const entry of this.rows) if (entry.stale && ids.length < most) ids.push(entry.run.run_id);
    return ids;
  }

  /** What became of rows that are gone. */
  refresh(runIds: readonly string[], runs: readonly RunRow[]): void {
    for (const runId of runIds) delete this.byId.get(runId)?.stale;
    for (const run of runs) {
      const known = this.byId.get(run.run_id);
      if (known) known.run = newer(known.run, run);
    }
  }

  /** Put the held rows in their places and take out those that are gone. False: they are too many, load anew. */
  show(): boolean {
    if (this.unsent || this.missed) return false;
    for (const entry of this.rows) if (entry.gone) this.byId.delete(entry.run.run_id);
    this.rows = this.rows.filter((entry) => !entry.gone);
    for (const run of this.waiting.values()) this.put({ run, gone: false });
    this.waiting.clear();
    this.rows.sort((one, other) => newestFirst(one.run, other.run));
    return true;
  }

  private put(entry: Entry): void {
    this.rows.push(entry);
    this.byId.set(entry.run.run_id, entry);
  }

  private change(entry: Entry, run: RunRow): void {
    entry.run = newer(entry.run, run);
    entry.gone = false;
    delete entry.stale;
  }

  /** It belongs to a page that is not loaded yet, and will come with it. */
  private isBeyond(run: RunRow): boolean {
    const last = this.rows.at(-1);
    return this.cursor !== null && last !== undefined && newestFirst(last.run, run) < 0;
  }

  private dropWaiting(): void {
    this.unsent += this.waiting.size;
    this.waiting.clear();
  }
}

function newestFirst(one: RunRow, other: RunRow): number {
  return other.created - one.created || (other.run_id > one.run_id ? 1 : -1);
}

/** Of two states of a run the one that is further. */
function newer(known: RunRow | undefined, run: RunRow): RunRow {
  if (!known || run.version > known.version) return run;
  if (run.version < known.version) return known;
  return run.logs + run.spans >= known.logs + known.spans ? run : known;
}

/** What is chosen for an action: single runs, or everything that matches. */
export class Chosen {
  readonly ids: ReadonlySet<string>;
  readonly all: boolean;

  constructor(ids: Iterable<string> = [], all = false) {
    this.ids = new Set(ids);
    this.all = all;
  }

  get none(): boolean {
    return !this.all && this.ids.size === 0;
  }

  has(runId: string): boolean {
    return this.all || this.ids.has(runId);
  }

  /** With one more or one less. Of everything that matches, a single one cannot be left out: then only it is chosen. */
  toggled(runId: string): Chosen {
    if (this.all) return new Chosen([runId]);
    const ids = new Set(this.ids);
    if (!ids.delete(runId)) ids.add(runId);
    return new Chosen(ids);
  }

  with(runIds: Iterable<string>): Chosen {
    return new Chosen([...this.ids, ...runIds]);
  }
}

/** What the timeline shows and what can be done with it, without the DOM. */

import { DEBUG_LEVEL, LOG, NONE, RUN } from "./columns";
import { type CriticalPath, criticalPath } from "./critical";
import { type Criteria, NO_CRITERIA } from "./filter";
import { Folds } from "./folds";
import { isUnread, Outline } from "./outline";
import { TimeScale } from "./scale";
import type { TraceStore } from "./store";

/** Queue time that is more than this share of a run is left out of the axis at first. */
const MOST_QUEUE = 0.6;

export class TimelineModel {
  readonly outline: Outline;
  readonly folds: Folds;
  readonly scale = new TimeScale();
  /** The row that the keyboard is at, or `~` the first of a family; it stays the same as rows come and go. */
  cursor = 0;
  critical: CriticalPath | null = null;
  /** Whether the axis begins with the queue time; null: as fits. */
  showsQueue: boolean | null = null;
  /** Asks for the trace of a run that is opened. */
  onOpen: (runId: string) => void = () => undefined;
  /** Asks for what is inside a span that is opened and lacks some of it. */
  onOpenSpan: (row: number) => void = () => undefined;

  #wantsCritical = false;

  constructor(
    readonly store: TraceStore,
    private readonly clock: () => number,
  ) {
    this.outline = new Outline(store);
    this.folds = new Folds(this.outline);
  }

  /** Nanoseconds after the origin. */
  get now(): number {
    return (this.clock() - this.store.origin) * 1e6;
  }

  get isRunning(): boolean {
    return this.store.isRunning(0);
  }

  /** Nanoseconds that the run waited before its first attempt. */
  get queueEnd(): number {
    const { run } = this.store.main;
    if (run.started !== null) return Math.max(0, (run.started - run.created) * 1e6);
    return run.ended === null ? this.now : 0;
  }

  /** Whether the queue time is on the axis. */
  get hasQueue(): boolean {
    const end = this.#end();
    return this.showsQueue ?? (this.queueEnd <= MOST_QUEUE * end || this.queueEnd >= end);
  }

  /** Rows have come. */
  update(): void {
    this.folds.clear();
    this.outline.update();
    this.tick();
    if (this.#wantsCritical) this.critical = criticalPath(this.store, 0, this.now);
  }

  /** Time has passed. */
  tick(): void {
    this.scale.setWhole(this.hasQueue ? 0 : this.queueEnd, this.#end());
  }

  setCriteria(criteria: Criteria): void {
    this.folds.clear();
    this.outline.setCriteria(criteria);
  }

  clearCriteria(): void {
    this.setCriteria(NO_CRITERIA);
  }

  get hasCriteria(): boolean {
    const { criteria } = this.outline;
    return criteria.text !== "" || criteria.errors || criteria.level > DEBUG_LEVEL || criteria.events !== null;
  }

  setCritical(wanted: boolean): void {
    this.#wantsCritical = wanted;
    this.critical = wanted ? criticalPath(this.store, 0, this.now) : null;
  }

  /** The place of the cursor among the visible rows: where it is, or of what it is in. */
  get index(): number {
    const { outline, store } = this;
    if (this.cursor < 0) return Math.max(0, outline.placeOf(this.cursor));
    for (let row = this.cursor; row >= 0; row = store.rows.parent[row] as number) {
      const index = outline.indexOf(row);
      if (index !== NONE) return index;
    }
    return 0;
  }

  moveTo(index: number): void {
    const { outline } = this;
    this.cursor = outline.visible[Math.max(0, Math.min(outline.count - 1, index))] ?? 0;
  }

  /** Open or close what is at a place. */
  toggle(index: number, open?: boolean): void {
    const { outline } = this;
    if (!outline.canOpen(index)) return;
    const isOpen = open ?? !outline.isOpen(index);
    const row = outline.rowAt(index);
    if (isOpen && !outline.isFold(index)) this.#read(row);
    outline.toggle(index, isOpen);
  }

  #read(row: number): void {
    const trace = this.store.traceAt(row);
    if (trace === undefined) {
      if (this.store.lacks(row)) this.onOpenSpan(row);
    } else if (isUnread(this.store, row)) this.onOpen(trace.run.run_id);
  }

  /** Open or close what is at a place, and all that is in it. */
  toggleDeep(index: number): void {
    const { outline } = this;
    const row = outline.rowAt(index);
    const open = !outline.isOpen(index);
    if (!outline.isFold(index)) outline.setAllIn(row, open);
    this.toggle(index, open);
  }

  /** →: open; in what is open, go to its first row. */
  right(): void {
    const { index, outline } = this;
    if (outline.canOpen(index) && !outline.isOpen(index)) this.toggle(index, true);
    else if ((outline.depths[index + 1] as number) > (outline.depths[index] as number)) this.moveTo(index + 1);
  }

  /** ←: close; from what is closed, go to what it is in. */
  left(): void {
    const { index, outline } = this;
    if (outline.canOpen(index) && outline.isOpen(index) && index > 0) {
      this.toggle(index, false);
      return;
    }
    const depth = outline.depths[index] as number;
    for (let above = index - 1; above >= 0; above--) {
      if ((outline.depths[above] as number) < depth) {
        this.moveTo(above);
        return;
      }
    }
  }

  /** Go to the next or previous error. False if there is none there. */
  nextError(step: 1 | -1): boolean {
    const from = this.cursor < 0 ? ~this.cursor : this.cursor;
    const row = this.outline.nextError(from, step);
    if (row === NONE) return false;
    this.reveal(row);
    return true;
  }

  /** Show a row: open what it is in; filters that hide it end. Returns its place. */
  reveal(row: number): number {
    let index = this.outline.reveal(row);
    if (index === NONE && this.hasCriteria) {
      this.clearCriteria();
      index = this.outline.reveal(row);
    }
    if (index === NONE && this.store.rows.kind[row] === LOG && !this.outline.hasLogs) {
      this.outline.hasLogs = true;
      index = this.outline.reveal(row);
    }
    if (index !== NONE) this.cursor = row;
    return index;
  }

  /** Bring the time of what is at a place into view. */
  fit(index: number): void {
    const { outline, store } = this;
    const row = outline.rowAt(index);
    if (outline.isFold(index)) {
      const fold = this.folds.of(row);
      this.scale.showAround(fold.start, fold.end);
    } else if (row === 0) this.scale.reset();
    else if (store.rows.kind[row] === LOG) this.#center(store.rows.start[row] as number);
    else this.scale.showAround(store.rows.start[row] as number, store.end(row, this.now));
  }

  isRun(row: number): boolean {
    return this.store.rows.kind[row] === RUN;
  }

  #center(time: number): void {
    const { from, to } = this.scale.view;
    this.scale.show({ from: time - (to - from) / 20, to: time + (to - from) / 20 });
  }

  #end(): number {
    return Math.max(this.store.latest, this.isRunning ? this.now : 0);
  }
}

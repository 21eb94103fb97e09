// The logs of one run in the order of time: those that match, as rows of the trace's store.
import { plainText } from "../../format/ansi";
import { LOG } from "../timeline/columns";
import type { TraceStore } from "../timeline/store";

export interface LogCriteria {
  /** Part of the message or of the source, in either case. */
  text: string;
  /** The lowest level's number; 0 is all. */
  level: number;
}

export class LogList {
  /** Rows of the store; only the first `count` are set. */
  rows = new Int32Array(256);
  count = 0;
  /** Logs of the run, whether they match or not. */
  total = 0;
  /** The first place that is another than at the last `settled`: what is made of the places has to be made anew. */
  changedFrom = 0;
  #seen = 0;
  #criteria: LogCriteria = { text: "", level: 0 };
  #wanted = "";

  constructor(readonly store: TraceStore) {}

  get criteria(): LogCriteria {
    return this.#criteria;
  }

  setCriteria(criteria: LogCriteria): void {
    this.#criteria = criteria;
    this.#wanted = criteria.text.toLowerCase();
    this.#seen = this.count = this.total = this.changedFrom = 0;
    this.update();
  }

  /** Take what has come into the store. */
  update(): void {
    const { rows } = this.store;
    const own = rows.run[0];
    for (; this.#seen < rows.count; this.#seen++) {
      const row = this.#seen;
      if (rows.kind[row] !== LOG || rows.run[row] !== own) continue;
      this.total++;
      if (this.#matches(row)) this.#insert(row);
    }
  }

  settled(): void {
    this.changedFrom = this.count;
  }

  /** Where a row of the store is; -1 where it is not shown. */
  indexOf(row: number): number {
    return this.rows.subarray(0, this.count).indexOf(row);
  }

  /** Where the log is that is nearest to a time, in nanoseconds after the origin. */
  nearest(time: number): number {
    return Math.min(this.#place(time), this.count - 1);
  }

  #matches(row: number): boolean {
    const { store } = this;
    if ((store.rows.level[row] as number) < this.#criteria.level) return false;
    if (this.#wanted === "") return true;
    return (
      plainText(store.message(row)).toLowerCase().includes(this.#wanted) ||
      store.name(row).toLowerCase().includes(this.#wanted)
    );
  }

  /** Nearly all come in the order of time; those of another thread may be a little late. */
  #insert(row: number): void {
    if (this.count === this.rows.length) {
      const larger = new Int32Array(this.rows.length * 2);
      larger.set(this.rows);
      this.rows = larger;
    }
    const time = this.store.rows.start[row] as number;
    const at = this.#place(time);
    if (at < this.count) this.rows.copyWithin(at + 1, at, this.count);
    this.rows[at] = row;
    this.count++;
    this.changedFrom = Math.min(this.changedFrom, at);
  }

  /** The place behind all that are not later than a time. */
  #place(time: number): number {
    const { start } = this.store.rows;
    let low = 0;
    let high = this.count;
    if (high > 0 && (start[this.rows[high - 1] as number] as number) <= time) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((start[this.rows[middle] as number] as number) <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

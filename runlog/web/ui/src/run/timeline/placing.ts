/** Where each row belongs: under its parent, known or still to come. */

import { type Columns, NONE, PENDING } from "./columns";
import type { Families } from "./families";
import { attach, detach } from "./links";
import { hexOf, type SpanMap } from "./spans";

export class Places {
  /** Rows that are in the tree. */
  linked = 1;
  /** By the id of a parent that has not come: the rows that wait for it. */
  readonly #waiting = new Map<string, number[]>();

  constructor(
    private readonly rows: Columns,
    private readonly families: Families,
    private readonly spans: SpanMap,
    private readonly keyOf: (row: number) => number,
  ) {}

  /** Put a row under the span with this id. Without an id, or where that is itself, under `top`. While `mayCome`, a row
   * whose parent is unknown is in no list; else it goes under `top` as an orphan until its parent comes. */
  place(row: number, high: number, low: number, top: number, mayCome: boolean): void {
    if (high === 0 && low === 0) {
      this.#attach(row, top);
      return;
    }
    const parent = this.spans.get(high, low);
    if (parent >= 0 && parent !== row) {
      this.#attach(row, parent);
      return;
    }
    if (parent !== row) this.#waitFor(hexOf(high, low), row);
    if (!mayCome) this.#orphan(row, top);
  }

  /** A span has come: what waited for it goes under it. */
  arrived(row: number, hex: string): void {
    const waiting = this.#waiting.get(hex);
    if (waiting === undefined) return;
    this.#waiting.delete(hex);
    for (const child of waiting) {
      if (child === row || this.#isAbove(child, row)) continue;
      if (this.rows.parent[child] !== PENDING) this.#detach(child);
      this.rows.orphan[child] = 0;
      this.#attach(child, row);
    }
  }

  get isAnyoneWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** What still waits goes under `top(row)` for now. */
  settle(top: (row: number) => number): void {
    for (const rows of this.#waiting.values()) {
      for (const row of rows) if (this.rows.parent[row] === PENDING) this.#orphan(row, top(row));
    }
  }

  /** Spans that are inside one another hang under nothing: put one of each circle under its run. */
  breakCircles(reached: number, order: Int32Array, top: (row: number) => number): boolean {
    if (reached >= this.linked) return false;
    const seen = new Uint8Array(this.rows.count);
    for (let index = 0; index < reached; index++) seen[order[index] as number] = 1;
    for (let row = 0; row < this.rows.count; row++) {
      let above = row;
      const way: number[] = [];
      while (above >= 0 && seen[above] === 0) {
        seen[above] = 1;
        way.push(above);
        above = this.rows.parent[above] as number;
      }
      if (above < 0 || !way.includes(above)) continue;
      this.#detach(above);
      this.#orphan(above, top(above));
    }
    return true;
  }

  #waitFor(hex: string, row: number): void {
    const waiting = this.#waiting.get(hex);
    if (waiting === undefined) this.#waiting.set(hex, [row]);
    else waiting.push(row);
  }

  #orphan(row: number, top: number): void {
    this.rows.orphan[row] = 1;
    this.#attach(row, top);
  }

  #attach(row: number, parent: number): void {
    attach(this.rows, row, parent);
    const key = this.keyOf(row);
    if (key !== 0) this.families.join(this.rows, row, key);
    this.linked++;
  }

  #detach(row: number): void {
    this.families.leave(this.rows, row);
    detach(this.rows, row);
    this.linked--;
  }

  /** Whether a row is above another; bounded, since rows may stand in a circle until that is broken. */
  #isAbove(row: number, below: number): boolean {
    if (this.rows.first[row] === NONE) return false;
    let above = this.rows.parent[below] as number;
    for (let steps = this.rows.count; above >= 0 && steps > 0; steps--) {
      if (above === row) return true;
      above = this.rows.parent[above] as number;
    }
    return false;
  }
}

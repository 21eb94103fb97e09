/** The tree as it is shown: which rows, how deep, in one pass over the columns. */

import { LOG, NONE, RUN, UNFINISHED } from "./columns";
import { Counts } from "./counts";
import { FEWEST_LOGS, FEWEST_SPANS } from "./families";
import { ABOVE, BOTH, type Criteria, type Filtered, filter, HIDDEN, isFiltering, MATCH, NO_CRITERIA } from "./filter";
import type { TraceStore } from "./store";
import { Ways } from "./ways";

/** Members of a family that stand beside its row because something is the matter with them: so many at most. */
const MOST_LOOSE = 5;

const AS_LEVEL = 0;
const OPENED = 1;
const CLOSED = 2;

export class Outline {
  /** A row, or for a family of repeated siblings `~` its first one. */
  visible = new Int32Array(0);
  depths = new Uint16Array(0);
  count = 0;
  deepest = 0;
  readonly counts = new Counts();
  filtered: Filtered | null = null;
  /** Members of folded families that are rows of their own: they failed, hold an error, or have not ended. */
  readonly loose = new Set<number>();
  order = new Int32Array(0);
  reached = 0;

  criteria: Criteria = NO_CRITERIA;
  hasLogs = true;
  isFolding = true;
  /** Rows less deep than this are open, unless they were opened or closed by hand. */
  level = Number.POSITIVE_INFINITY;

  /** So many rows were there at the last update. */
  known = 0;

  #toggles = new Uint8Array(0);
  /** Those made while a filter is on: they end with it. */
  #filterToggles = new Uint8Array(0);
  #position = new Int32Array(0);
  #seen = new Uint32Array(0);
  #looseCounts = new Uint8Array(0);
  #pass = 0;

  constructor(readonly store: TraceStore) {}

  /** After rows have come: count, filter and lay out anew. */
  update(): void {
    const size = this.store.rows.id.length;
    if (this.order.length < size) {
      this.order = new Int32Array(size);
      this.visible = new Int32Array(size * 2);
      this.depths = new Uint16Array(size * 2);
      this.#position = new Int32Array(size);
      this.#toggles = larger(this.#toggles, size);
      this.#filterToggles = larger(this.#filterToggles, size);
    }
    this.known = this.store.count;
    this.reached = this.store.order(this.order);
    this.counts.update(this.store, this.order, this.reached);
    this.#filter();
    this.layOut();
  }

  setCriteria(criteria: Criteria): void {
    this.criteria = criteria;
    this.#filterToggles.fill(AS_LEVEL);
    this.#filter();
    this.layOut();
  }

  setLevel(level: number): void {
    this.level = level;
    this.#current().fill(AS_LEVEL);
    this.store.families.openAll(false);
    this.layOut();
  }

  /** Open or close a row or a family, by its place among the visible. */
  toggle(index: number, open = !this.isOpen(index)): void {
    const item = this.visible[index] as number;
    if (item < 0) this.store.families.opened[this.store.rows.family[~item] as number] = open ? 1 : 0;
    else this.#current()[item] = open ? OPENED : CLOSED;
    this.layOut();
  }

  /** Open or close every row below one. */
  setAllIn(row: number, open: boolean): void {
    const { counts, order, reached } = this;
    const toggles = this.#current();
    const from = order.subarray(0, reached).indexOf(row);
    const to = from + (counts.spans[row] as number) + (counts.logs[row] as number);
    for (let index = from + 1; index <= Math.min(to, reached - 1); index++) {
      const below = order[index] as number;
      if (!isUnread(this.store, below)) toggles[below] = open ? OPENED : CLOSED;
    }
  }

  isOpen(index: number): boolean {
    const item = this.visible[index] as number;
    if (item < 0) return this.store.families.opened[this.store.rows.family[~item] as number] === 1;
    return this.#isOpen(item, this.depths[index] as number);
  }

  canOpen(index: number): boolean {
    const item = this.visible[index] as number;
    if (item < 0) return true;
    const { counts, store } = this;
    return (
      (counts.spans[item] as number) > 0 || (this.hasLogs && (counts.logs[item] as number) > 0) || isUnread(store, item)
    );
  }

  isFold(index: number): boolean {
    return (this.visible[index] as number) < 0;
  }

  /** The row, or the first of the family, at a place. */
  rowAt(index: number): number {
    const item = this.visible[index] as number;
    return item < 0 ? ~item : item;
  }

  /** The place of a row, or NONE while it is not visible. */
  indexOf(row: number): number {
    const index = this.#position[row] as number;
    return index < this.count && this.visible[index] === row ? index : NONE;
  }

  /** The place of what was at another one before: a row, or `~` the first of a family. NONE if it is not visible. */
  placeOf(item: number): number {
    return item >= 0 ? this.indexOf(item) : this.visible.subarray(0, this.count).indexOf(item);
  }

  /** Open all that a row is in. Returns its place; NONE where a filter hides it, or it is in no tree yet. */
  reveal(row: number): number {
    const { parent, family } = this.store.rows;
    const toggles = this.#current();
    for (let above = row; above > 0; above = parent[above] as number) {
      const group = family[above] as number;
      if (group !== 0 && !this.loose.has(above)) this.store.families.opened[group] = 1;
      const over = parent[above] as number;
      if (over >= 0 && toggles[over] === CLOSED) toggles[over] = AS_LEVEL;
      if (over >= 0 && !this.#isOpen(over, 0x7fff)) toggles[over] = OPENED;
    }
    this.layOut();
    return this.indexOf(row);
  }

  /** The next or previous row where an error began, that the filter does not hide. NONE if there is none. */
  nextError(from: number, step: 1 | -1): number {
    const { counts, filtered, order, reached, store } = this;
    let index = from === NONE ? (step > 0 ? -1 : reached) : order.subarray(0, reached).indexOf(from);
    for (index += step; index >= 0 && index < reached; index += step) {
      const row = order[index] as number;
      if (counts.isError[row] === 0 || (filtered !== null && filtered.mask[row] === HIDDEN)) continue;
      if (this.hasLogs || store.rows.kind[row] !== LOG) return row;
    }
    return NONE;
  }

  layOut(): void {
    const { rows, families } = this.store;
    const { kind, first, next, family } = rows;
    const { visible, depths } = this;
    const mask = this.filtered?.mask ?? null;
    const sizes = this.filtered?.sizes ?? families.size;
    const position = this.#position;
    if (this.#seen.length < families.size.length) this.#seen = new Uint32Array(families.size.length);
    const seen = this.#seen;
    this.#looseCounts = new Uint8Array(families.size.length);
    this.loose.clear();
    const pass = ++this.#pass;
    const ways = new Ways();
    let count = 0;
    let deepest = 0;
    visible[count++] = 0;
    depths[0] = position[0] = 0;
    if (this.#isOpen(0, 0)) ways.push(first[0] as number, 1, 0, 0);
    while (ways.height > 0) {
      const row = ways.row;
      if (row === NONE) {
        ways.pop();
        continue;
      }
      ways.row = next[row] as number;
      if (!this.hasLogs && kind[row] === LOG) continue;
      const isFree = ways.isFree;
      if (mask !== null && isFree === 0 && mask[row] === HIDDEN) continue;
      const group = family[row] as number;
      const depth = ways.depth;
      if (ways.family !== 0) {
        if (group !== ways.family || this.#standsOut(row, group)) continue;
      } else if (group !== 0 && this.isFolding) {
        const size = (isFree === 1 ? families.size : sizes)[group] as number;
        const isLarge = size >= FEWEST_SPANS && (kind[row] !== LOG || size >= FEWEST_LOGS);
        if (isLarge && !this.#standsOut(row, group)) {
          if (seen[group] === pass) continue;
          seen[group] = pass;
          visible[count] = ~row;
          depths[count++] = depth;
          if (depth > deepest) deepest = depth;
          if (families.opened[group] === 1) ways.push(row, depth + 1, group, isFree);
          continue;
        }
      }
      position[row] = count;
      visible[count] = row;
      depths[count++] = depth;
      if (depth > deepest) deepest = depth;
      if (first[row] !== NONE && this.#isOpen(row, depth)) {
        const opened =
          mask !== null && isFree === 0 && this.#filterToggles[row] === OPENED && (mask[row] as number) >= MATCH;
        ways.push(first[row] as number, depth + 1, 0, opened ? 1 : isFree);
      }
    }
    this.count = count;
    this.deepest = deepest;
  }

  /** Whether a member of a family is shown beside its row. The first few that have a reason to are. */
  #standsOut(row: number, family: number): boolean {
    const { counts, loose, store } = this;
    const { rows } = store;
    if (rows.kind[row] === LOG) return false;
    const isEnded = (rows.duration[row] as number) >= 0 && rows.status[row] !== UNFINISHED;
    if (isEnded && counts.errors[row] === 0 && counts.isError[row] === 0) return false;
    if (loose.has(row)) return true;
    const count = this.#looseCounts[family] as number;
    if (count >= MOST_LOOSE) return false;
    this.#looseCounts[family] = count + 1;
    loose.add(row);
    return true;
  }

  #filter(): void {
    const { criteria } = this;
    this.filtered = isFiltering(criteria) ? filter(this.store, criteria, this.order, this.reached) : null;
  }

  #current(): Uint8Array {
    return this.filtered === null ? this.#toggles : this.#filterToggles;
  }

  #isOpen(row: number, depth: number): boolean {
    const toggle = this.#current()[row];
    if (toggle !== AS_LEVEL) return toggle === OPENED;
    if (row !== 0 && isUnread(this.store, row)) return false;
    const mark = this.filtered?.mask[row] ?? HIDDEN;
    return mark === HIDDEN ? this.filtered !== null || depth < this.level : mark === ABOVE || mark === BOTH;
  }
}

/** Whether a row stands for a run whose trace is not here, or for a span of which nothing inside is. */
export function isUnread(store: TraceStore, row: number): boolean {
  if (store.rows.kind[row] !== RUN) return store.rows.first[row] === NONE && store.lacks(row);
  const trace = store.traceAt(row);
  return trace !== undefined && trace.state === "absent" && trace.loaded === 0;
}

function larger(from: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(size);
  grown.set(from);
  return grown;
}

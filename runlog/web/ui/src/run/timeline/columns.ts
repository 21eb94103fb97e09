/** The rows of a trace as typed arrays, one a column, that grow by half. Row 0 is the run itself. */

export const LOG = 0;
export const OPEN = 1;
export const SPAN = 2;
/** A run: the one that is shown, or one that was triggered in it. */
export const RUN = 3;

export const DEBUG_LEVEL = 5;
export const INFO_LEVEL = 9;
export const WARN_LEVEL = 13;
export const ERROR_LEVEL = 17;

export const UNSET = 0;
export const OK = 1;
export const FAILED = 2;
export const CANCELED = 3;
export const UNFINISHED = 4;

/** No row: what a parent, sibling or child index says where there is none. */
export const NONE = -1;
/** A parent index: the parent is not known yet, and may still come. Such rows are in no list of children. */
export const PENDING = -2;

const SMALLEST = 256;

export class Columns {
  count = 0;
  /** Event ids; 0 for runs. */
  id = new Float64Array(SMALLEST);
  kind = new Uint8Array(SMALLEST);
  level = new Uint8Array(SMALLEST);
  status = new Uint8Array(SMALLEST);
  flags = new Uint8Array(SMALLEST);
  /** Index into the store's names. */
  name = new Uint32Array(SMALLEST);
  /** Nanoseconds after the origin of the shown run. */
  start = new Float64Array(SMALLEST);
  /** Nanoseconds; -1 for what has not ended, and for logs. */
  duration = new Float64Array(SMALLEST);
  spanHigh = new Uint32Array(SMALLEST);
  spanLow = new Uint32Array(SMALLEST);
  /** Index of the run that recorded the row. */
  run = new Uint32Array(SMALLEST);
  /** What kind of thing a span is, by its name: see roles.ts. */
  role = new Uint8Array(SMALLEST);
  /** The family of a repeated sibling: see families.ts. 0: none. */
  family = new Uint32Array(SMALLEST);
  /** For a log the index of its message. */
  text = new Uint32Array(SMALLEST);

  parent = new Int32Array(SMALLEST);
  first = new Int32Array(SMALLEST);
  last = new Int32Array(SMALLEST);
  next = new Int32Array(SMALLEST);
  previous = new Int32Array(SMALLEST);
  /** Marked when its parent is not in the log. */
  orphan = new Uint8Array(SMALLEST);

  /** Make room for so many rows in all. */
  reserve(count: number): void {
    if (count <= this.id.length) return;
    const size = Math.max(count, Math.ceil(this.id.length * 1.5));
    this.id = grown(this.id, new Float64Array(size));
    this.kind = grown(this.kind, new Uint8Array(size));
    this.level = grown(this.level, new Uint8Array(size));
    this.status = grown(this.status, new Uint8Array(size));
    this.flags = grown(this.flags, new Uint8Array(size));
    this.name = grown(this.name, new Uint32Array(size));
    this.start = grown(this.start, new Float64Array(size));
    this.duration = grown(this.duration, new Float64Array(size));
    this.spanHigh = grown(this.spanHigh, new Uint32Array(size));
    this.spanLow = grown(this.spanLow, new Uint32Array(size));
    this.run = grown(this.run, new Uint32Array(size));
    this.role = grown(this.role, new Uint8Array(size));
    this.family = grown(this.family, new Uint32Array(size));
    this.text = grown(this.text, new Uint32Array(size));
    this.parent = grown(this.parent, new Int32Array(size));
    this.first = grown(this.first, new Int32Array(size));
    this.last = grown(this.last, new Int32Array(size));
    this.next = grown(this.next, new Int32Array(size));
    this.previous = grown(this.previous, new Int32Array(size));
    this.orphan = grown(this.orphan, new Uint8Array(size));
  }

  /** A new row without relatives; its other columns are the caller's to fill. */
  add(): number {
    const row = this.count++;
    this.reserve(this.count);
    this.parent[row] = PENDING;
    this.first[row] = this.last[row] = this.next[row] = this.previous[row] = NONE;
    return row;
  }
}

function grown<T extends { set(from: T): void }>(from: T, into: T): T {
  into.set(from);
  return into;
}

import type { Log, LogsPage } from "../api/types";
import type { Pages } from "../state/search";

/** A row of the list: a line of the log, or how many were left out because they came too fast to follow. */
export type Line = { log: Log; around: boolean } | { gap: number; id: number };

/** Lines that are kept. While more come in, the oldest go. */
const MOST = 20_000;
/** New lines that are held back; with more of them, showing them means loading anew. */
const MOST_WAITING = 5_000;

/** The lines of the logs page, newest first. */
export class LogLines implements Pages<LogsPage> {
  cursor: string | null = null;
  searchedTo: number | null = null;
  /** Old lines were let go while new ones came. */
  trimmed = false;
  private found: Line[] = [];
  private waiting: Line[] = [];
  private unkept = 0;
  private readonly around = new Map<number, readonly Log[]>();
  private merged: readonly Line[] | null = null;

  /** What is shown: what matches, and the lines around some of it. */
  get lines(): readonly Line[] {
    this.merged ??= this.around.size ? this.merge() : this.found;
    return this.merged;
  }

  get length(): number {
    return this.found.length;
  }

  /** How many new lines are held back. */
  get held(): number {
    return this.unkept + this.waiting.reduce((sum, line) => sum + ("log" in line ? 1 : line.gap), 0);
  }

  append(page: LogsPage): void {
    this.found = [...this.found, ...page.items.map((log) => ({ log, around: false }))];
    this.cursor = page.cursor;
    this.searchedTo = page.searched_to;
    this.merged = null;
  }

  /** New lines, oldest first. */
  hold(items: readonly Log[]): void {
    for (const log of items) this.waiting.push({ log, around: false });
    if (this.waiting.length <= MOST_WAITING) return;
    this.unkept = this.held;
    this.waiting = [];
  }

  /** So many lines came that they were left out. */
  holdGap(gap: number): void {
    const before = this.waiting.at(-1) ?? this.found[0];
    if (before && "gap" in before) before.gap += gap;
    else this.waiting.push({ gap, id: (before ? idOf(before) : 0) + 0.5 });
  }

  /** Show what was held back. False: it is too much, load anew. */
  show(): boolean {
    if (this.unkept) return false;
    if (this.waiting.length === 0) return true;
    this.found = [...this.waiting.reverse(), ...this.found];
    this.waiting = [];
    if (this.found.length > MOST) {
      this.found.length = MOST - MOST / 10;
      this.trimmed = true;
      this.cursor = null;
      this.searchedTo = null;
    }
    this.merged = null;
    return true;
  }

  indexOf(id: number): number {
    return this.lines.findIndex((line) => idOf(line) === id);
  }

  isOpen(id: number): boolean {
    return this.around.has(id);
  }

  /** Whether it is among those that are shown. */
  has(id: number): boolean {
    return this.lines.some((line) => "log" in line && line.log.id === id);
  }

  /** Show the lines around a line, in their places. */
  open(id: number, items: readonly Log[]): void {
    this.around.set(id, items);
    this.merged = null;
  }

  close(id: number): void {
    this.around.delete(id);
    this.merged = null;
  }

  private merge(): Line[] {
    const known = new Set(this.found.map(idOf));
    const extra = new Map<number, Log>();
    for (const items of this.around.values()) for (const log of items) if (!known.has(log.id)) extra.set(log.id, log);
    const others = [...extra.values()].sort((one, other) => other.id - one.id);
    const merged: Line[] = [];
    let next = 0;
    for (const line of this.found) {
      for (let log = others[next]; log && log.id > idOf(line); log = others[++next]) merged.push({ log, around: true });
      merged.push(line);
    }
    for (const log of others.slice(next)) merged.push({ log, around: true });
    return merged;
  }
}

export function idOf(line: Line): number {
  return "log" in line ? line.log.id : line.id;
}

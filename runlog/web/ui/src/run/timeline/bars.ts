/** Paints the bars of the rows in sight. Nothing here knows the DOM but the canvas's context. */

import { duration } from "../../format/duration";
import { CANCELED, ERROR_LEVEL, FAILED, INFO_LEVEL, LOG, OPEN, RUN, UNFINISHED, WARN_LEVEL } from "./columns";
import { ABOVE } from "./filter";
import type { Fold } from "./folds";
import { isInterrupted } from "./look";
import type { TimelineModel } from "./model";
import type { Palette } from "./palette";
import { DELAY, TRIGGER, WAIT } from "./roles";
import { LEAST, Shapes, THIN } from "./shapes";

export interface BarsView {
  width: number;
  height: number;
  /** Pixels scrolled down, and the rows in sight. */
  top: number;
  from: number;
  to: number;
  rowHeight: number;
  isNarrow: boolean;
  /** Where the pointer is; -1: not here. */
  pointer: number;
}

const DIMMED = 0.35;
const TICKS = 110;
const LOGS = 6;

/** What a pixel of a family's line has. */
const NOTHING = 0;
const MEMBER = 1;
const WITH_ERRORS = 2;
const BAD = 3;

export class BarsPainter {
  readonly #shapes: Shapes;

  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly model: TimelineModel,
    private palette: Palette,
  ) {
    this.#shapes = new Shapes(context, palette);
  }

  setPalette(palette: Palette): void {
    this.palette = palette;
    this.#shapes.setPalette(palette);
  }

  paint(view: BarsView): void {
    const { context, model } = this;
    this.#shapes.isNarrow = view.isNarrow;
    this.#shapes.width = view.width;
    context.clearRect(0, 0, view.width, view.height);
    if (!view.isNarrow) this.#grid(view);
    context.font = `11px ${this.palette.font}`;
    context.textBaseline = "middle";
    for (let index = view.from; index < view.to; index++) {
      const y = index * view.rowHeight - view.top;
      const middle = view.isNarrow ? y + view.rowHeight - THIN - 1 : y + view.rowHeight / 2;
      const row = model.outline.rowAt(index);
      if (model.outline.isFold(index)) this.#family(row, middle);
      else if (model.store.rows.kind[row] === LOG) this.#log(row, middle);
      else this.#span(row, middle);
    }
    context.globalAlpha = 1;
    if (view.pointer >= 0 && !view.isNarrow) {
      context.fillStyle = this.palette.strong;
      context.fillRect(Math.round(view.pointer), 0, 1, view.height);
    }
  }

  #grid(view: BarsView): void {
    const { context, model } = this;
    context.fillStyle = this.palette.line;
    for (const time of model.scale.ticks(TICKS).times) {
      context.fillRect(Math.round(model.scale.x(time)), 0, 1, view.height);
    }
  }

  #log(row: number, middle: number): void {
    const { rows } = this.model.store;
    this.#dim(row);
    const x = this.model.scale.x(rows.start[row] as number);
    if (!this.#shapes.arrow(x, x, middle)) this.#shapes.dot(x, middle, rows.level[row] as number);
  }

  #span(row: number, middle: number): void {
    const { model } = this;
    const { store, scale } = model;
    const shapes = this.#shapes;
    this.#dim(row);
    const start = store.rows.start[row] as number;
    const end = store.end(row, model.now);
    const [left, right] = [scale.x(start), scale.x(end)];
    if (shapes.arrow(left, right, middle)) return;
    const queued = store.rows.kind[row] === RUN ? this.#queued(row, start, end) : start;
    const begin = scale.x(queued);
    if (queued > start) shapes.bar(left, begin, middle, shapes.hatch(this.palette.queue, this.palette.strong), true);
    if (queued < end || queued === start) shapes.bar(begin, right, middle, this.#style(row), false);
    const isRunning = store.isRunning(row);
    if (isRunning && queued < end) shapes.liveEdge(right, middle);
    const parts = model.critical?.parts.get(row) ?? [];
    for (let part = 0; part < parts.length; part += 2) {
      shapes.critical(scale.x(parts[part] as number), scale.x(parts[part + 1] as number), middle);
    }
    shapes.label(`${duration(end - start)}${isRunning ? " …" : ""}`, left, right, middle);
  }

  /** What is only there for what is in it, or is not on the critical path, steps back. */
  #dim(row: number): void {
    const { critical, outline } = this.model;
    const isOff = critical !== null && !critical.parts.has(row);
    this.context.globalAlpha = isOff || outline.filtered?.mask[row] === ABOVE ? DIMMED : 1;
  }

  /** Until when a run waited for its first attempt. */
  #queued(row: number, start: number, end: number): number {
    const run = this.model.store.traceAt(row)?.run;
    if (run === undefined) return start;
    return run.started === null ? end : Math.min(end, Math.max(start, start + (run.started - run.created) * 1e6));
  }

  #style(row: number): string | CanvasPattern {
    const { model, palette } = this;
    const { rows } = model.store;
    const status = rows.status[row] as number;
    const role = rows.role[row] as number;
    const isWaiting = role === WAIT || role === TRIGGER;
    if (status === FAILED)
      return model.outline.counts.isError[row] === 1 || row === 0 ? palette.error : palette.errorSoft;
    if (status === CANCELED || status === UNFINISHED) return palette.canceled;
    if (model.store.isRunning(row)) return isWaiting ? palette.wait : palette.open;
    if (isInterrupted(model, row)) return this.#shapes.hatch(palette.surface, palette.canceled);
    if (rows.kind[row] === OPEN) return palette.wait; // its end is still being loaded
    if (role === DELAY) return this.#shapes.hatch(palette.surface, palette.strong);
    return isWaiting ? palette.wait : palette.span;
  }

  /** All members in one line: where they are dense, and where one failed. */
  #family(leader: number, middle: number): void {
    const { context, model, palette } = this;
    const { critical, scale } = model;
    const fold = model.folds.of(leader);
    const isOff = critical !== null && !fold.members.some((row) => critical.parts.has(row));
    context.globalAlpha = isOff ? DIMMED : 1;
    const [left, right] = [scale.x(fold.start), scale.x(fold.running > 0 ? model.now : fold.end)];
    if (this.#shapes.arrow(left, right, middle)) return;
    const cover = this.#cover(fold);
    const level = model.store.rows.level[leader] as number;
    const bad = fold.isLog && level < ERROR_LEVEL ? palette.warn : palette.error;
    const good = !fold.isLog ? palette.span : level >= INFO_LEVEL ? palette.info : palette.strong;
    const height = fold.isLog ? Math.min(LOGS, this.#shapes.barHeight) : this.#shapes.barHeight;
    for (let from = 0, x = 1; x <= cover.length; x++) {
      if (x < cover.length && cover[x] === cover[from]) continue;
      if (cover[from] !== NOTHING) {
        context.fillStyle = cover[from] === BAD ? bad : cover[from] === WITH_ERRORS ? palette.errorSoft : good;
        context.fillRect(from, middle - height / 2, x - from, height);
      }
      from = x;
    }
    const hasEnded = !fold.isLog && fold.running < fold.members.length;
    if (hasEnded) this.#shapes.label(`Σ ${duration(fold.total)}`, left, right, middle);
  }

  #cover(fold: Fold): Uint8Array {
    const { outline, scale, store, now } = this.model;
    const { rows } = store;
    const width = Math.ceil(this.#shapes.width);
    const cover = new Uint8Array(width);
    for (const row of fold.members) {
      const from = Math.floor(scale.x(rows.start[row] as number));
      const to = Math.max(from + 1, Math.ceil(scale.x(store.end(row, now))));
      if (from >= width || to <= 0) continue;
      const isBad = rows.status[row] === FAILED || (fold.isLog && (rows.level[row] as number) >= WARN_LEVEL);
      const mark = isBad ? BAD : (outline.counts.errors[row] as number) > 0 ? WITH_ERRORS : MEMBER;
      const until = Math.min(width, mark === MEMBER ? to : Math.max(to, from + LEAST));
      for (let x = Math.max(0, from); x < until; x++) if ((cover[x] as number) < mark) cover[x] = mark;
    }
    return cover;
  }
}

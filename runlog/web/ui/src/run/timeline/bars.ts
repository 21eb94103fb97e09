/** Paints the bars of the rows in sight. Nothing here knows the DOM but the canvas's context. */

import { duration } from "../../format/duration";
import { CANCELED, ERROR_LEVEL, FAILED, INFO_LEVEL, LOG, OPEN, RUN, UNFINISHED, WARN_LEVEL } from "./columns";
import { isInterrupted } from "./look";
import type { TimelineModel } from "./model";
import type { Palette } from "./palette";
import { DELAY, TRIGGER, WAIT } from "./roles";

export interface BarsView {
  width: number;
  height: number;
  /** Pixels scrolled down, and the rows in sight. */
  top: number;
  from: number;
  to: number;
  rowHeight: number;
  /** Thin bars under the names, without texts. */
  isNarrow: boolean;
  /** Where the pointer is; -1: not here. */
  pointer: number;
}

const BAR = 12;
const THIN = 4;
const LEAST = 2;
const DIMMED = 0.35;

export class BarsPainter {
  #hatches = new Map<string, CanvasPattern | null>();
  #widths = new Map<string, number>();

  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly model: TimelineModel,
    private palette: Palette,
  ) {}

  setPalette(palette: Palette): void {
    this.palette = palette;
    this.#hatches.clear();
    this.#widths.clear();
  }

  paint(view: BarsView): void {
    const { context, model } = this;
    context.clearRect(0, 0, view.width, view.height);
    if (!view.isNarrow) this.#grid(view);
    context.font = `11px ${this.palette.font}`;
    context.textBaseline = "middle";
    for (let index = view.from; index < view.to; index++) {
      const y = index * view.rowHeight - view.top;
      const middle = view.isNarrow ? y + view.rowHeight - THIN : y + view.rowHeight / 2;
      if (model.outline.isFold(index)) this.#fold(view, model.outline.rowAt(index), middle);
      else this.#row(view, model.outline.rowAt(index), middle);
    }
    context.globalAlpha = 1;
    this.#pointer(view);
  }

  #grid(view: BarsView): void {
    const { context, model, palette } = this;
    context.fillStyle = palette.line;
    for (const time of model.scale.ticks(110).times) {
      context.fillRect(Math.round(model.scale.x(time)), 0, 1, view.height);
    }
  }

  #pointer(view: BarsView): void {
    if (view.pointer < 0 || view.isNarrow) return;
    this.context.fillStyle = this.palette.strong;
    this.context.fillRect(Math.round(view.pointer), 0, 1, view.height);
  }

  #row(view: BarsView, row: number, middle: number): void {
    const { context, model, palette } = this;
    const { store, scale } = model;
    const kind = store.rows.kind[row] as number;
    const parts = model.critical?.parts.get(row);
    const mark = model.outline.filtered?.mask[row];
    context.globalAlpha = (model.critical !== null && parts === undefined) || mark === 1 ? DIMMED : 1;
    const start = store.rows.start[row] as number;
    if (kind === LOG) {
      this.#dot(view, row, start, middle);
      return;
    }
    const end = store.end(row, model.now);
    const [left, right] = [scale.x(start), scale.x(end)];
    if (this.#isOutside(view, left, right, middle)) return;
    let begin = left;
    if (kind === RUN) {
      const queued = this.#queued(row, start, end);
      if (queued > start) {
        begin = scale.x(queued);
        this.#bar(view, left, begin, middle, this.#hatch(palette.queue, palette.strong), true);
      }
    }
    const style = this.#style(row);
    if (end > start || kind !== RUN || begin === left)
      this.#bar(view, begin, Math.max(right, begin), middle, style, false);
    if (store.isRunning(row) && begin < right) this.#liveEdge(view, right, middle);
    for (let part = 0; parts !== undefined && part < parts.length; part += 2) {
      const [from, to] = [scale.x(parts[part] as number), scale.x(parts[part + 1] as number)];
      const width = Math.max(1, Math.min(view.width, to) - Math.max(0, from));
      context.fillStyle = palette.critical;
      if (to >= 0 && from <= view.width)
        context.fillRect(Math.max(0, from), middle + (view.isNarrow ? -1 : 3), width, 3);
    }
    this.#label(view, row, duration(end - start), left, right, middle);
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
    if (status === FAILED)
      return model.outline.counts.isError[row] === 1 || row === 0 ? palette.error : palette.errorSoft;
    if (status === CANCELED || status === UNFINISHED) return palette.canceled;
    const role = rows.role[row] as number;
    if (model.store.isRunning(row)) return role === WAIT || role === TRIGGER ? palette.wait : palette.open;
    if (isInterrupted(model, row)) return this.#hatch(palette.surface, palette.canceled);
    if (rows.kind[row] === OPEN) return palette.wait; // its end is still being loaded
    if (role === DELAY) return this.#hatch(palette.surface, palette.strong);
    return role === WAIT || role === TRIGGER ? palette.wait : palette.span;
  }

  #bar(
    view: BarsView,
    left: number,
    right: number,
    middle: number,
    style: string | CanvasPattern,
    isFlat: boolean,
  ): void {
    const { context } = this;
    const from = Math.max(-4, left);
    const width = Math.max(LEAST, Math.min(view.width + 4, right) - from);
    const height = view.isNarrow ? THIN : BAR;
    context.fillStyle = style;
    if (width <= 4 || isFlat || view.isNarrow) context.fillRect(from, middle - height / 2, width, height);
    else {
      context.beginPath();
      context.roundRect(from, middle - height / 2, width, height, 2.5);
      context.fill();
    }
  }

  #liveEdge(view: BarsView, right: number, middle: number): void {
    const height = view.isNarrow ? THIN : BAR + 4;
    this.context.fillStyle = this.palette.accent;
    this.context.fillRect(Math.min(right, view.width) - 1, middle - height / 2, 3, height);
  }

  #dot(view: BarsView, row: number, time: number, middle: number): void {
    const { context, palette } = this;
    const x = this.model.scale.x(time);
    if (this.#isOutside(view, x, x, middle)) return;
    const level = this.model.store.rows.level[row] as number;
    const size = view.isNarrow ? 2.5 : 4;
    context.beginPath();
    if (level >= ERROR_LEVEL) {
      context.fillStyle = palette.logError;
      context.moveTo(x, middle - size - 1);
      context.lineTo(x + size + 1, middle);
      context.lineTo(x, middle + size + 1);
      context.lineTo(x - size - 1, middle);
    } else if (level >= WARN_LEVEL) {
      context.fillStyle = palette.warn;
      context.moveTo(x, middle - size);
      context.lineTo(x + size + 0.5, middle + size - 0.5);
      context.lineTo(x - size - 0.5, middle + size - 0.5);
    } else {
      context.fillStyle = level >= INFO_LEVEL ? palette.info : palette.strong;
      context.arc(x, middle, size - 0.5, 0, Math.PI * 2);
    }
    context.fill();
  }

  /** All bars of a family in one line: where it is dense, and where one failed. */
  #fold(view: BarsView, leader: number, middle: number): void {
    const { context, model, palette } = this;
    const { rows } = model.store;
    const { scale } = model;
    const fold = model.folds.of(leader);
    context.globalAlpha = model.critical === null ? 1 : DIMMED;
    if (this.#isOutside(view, scale.x(fold.start), scale.x(fold.end), middle)) return;
    const width = Math.ceil(view.width);
    const cover = new Uint8Array(width);
    const { counts } = model.outline;
    const now = model.now;
    for (const row of fold.members) {
      const from = Math.floor(scale.x(rows.start[row] as number));
      if (from >= width) continue;
      const to = Math.max(from + 1, Math.ceil(scale.x(model.store.end(row, now))));
      if (to <= 0) continue;
      const isBad = rows.status[row] === FAILED || (fold.isLog && (rows.level[row] as number) >= WARN_LEVEL);
      const mark = isBad ? 3 : (counts.errors[row] as number) > 0 ? 2 : 1;
      const until = Math.min(width, mark > 1 ? Math.max(to, from + LEAST) : to);
      for (let x = Math.max(0, from); x < until; x++) if ((cover[x] as number) < mark) cover[x] = mark;
    }
    const level = rows.level[leader] as number;
    const bad = !fold.isLog || level >= ERROR_LEVEL ? palette.error : palette.warn;
    const good = fold.isLog ? (level >= INFO_LEVEL ? palette.info : palette.strong) : palette.span;
    const height = view.isNarrow ? THIN : fold.isLog ? 6 : BAR;
    let from = 0;
    for (let x = 1; x <= width; x++) {
      if (x < width && cover[x] === cover[from]) continue;
      if (cover[from] !== 0) {
        context.fillStyle = cover[from] === 3 ? bad : cover[from] === 2 ? palette.errorSoft : good;
        context.fillRect(from, middle - height / 2, x - from, height);
      }
      from = x;
    }
    if (!fold.isLog)
      this.#label(view, leader, duration(fold.total), scale.x(fold.start), scale.x(fold.end), middle, "Σ ");
  }

  /** An arrow at the side where a bar is that is not in view. */
  #isOutside(view: BarsView, left: number, right: number, middle: number): boolean {
    if (right >= 0 && left <= view.width) return false;
    const [x, by] = right < 0 ? [3, 4] : [view.width - 3, -4];
    const { context } = this;
    context.fillStyle = this.palette.strong;
    context.beginPath();
    context.moveTo(x, middle);
    context.lineTo(x + by, middle - 3.5);
    context.lineTo(x + by, middle + 3.5);
    context.fill();
    return true;
  }

  #label(view: BarsView, row: number, text: string, left: number, right: number, middle: number, before = ""): void {
    if (view.isNarrow) return;
    const { context, palette } = this;
    const shown = before + text + (this.model.store.isRunning(row) ? " …" : "");
    const width = this.#width(shown);
    if (right + 6 + width <= view.width) {
      context.fillStyle = palette.soft;
      context.fillText(shown, right + 6, middle + 0.5);
    } else if (left - 6 - width >= 0) {
      context.fillStyle = palette.soft;
      context.fillText(shown, left - 6 - width, middle + 0.5);
    } else {
      // On the bar itself: a plate under it keeps it readable on every colour.
      const x = Math.min(view.width, right) - width - 8;
      context.fillStyle = palette.back;
      context.beginPath();
      context.roundRect(x - 4, middle - 7, width + 8, 14, 3);
      context.fill();
      context.fillStyle = palette.soft;
      context.fillText(shown, x, middle + 0.5);
    }
  }

  #width(text: string): number {
    let width = this.#widths.get(text);
    if (width === undefined) {
      if (this.#widths.size > 2000) this.#widths.clear();
      width = this.context.measureText(text).width;
      this.#widths.set(text, width);
    }
    return width;
  }

  #hatch(back: string, line: string): string | CanvasPattern {
    const key = `${back} ${line}`;
    let pattern = this.#hatches.get(key);
    if (pattern === undefined) {
      pattern = this.#makeHatch(back, line);
      this.#hatches.set(key, pattern);
    }
    return pattern ?? back;
  }

  #makeHatch(back: string, line: string): CanvasPattern | null {
    const tile = new OffscreenCanvas(6, 6);
    const context = tile.getContext("2d");
    if (context === null) return null;
    context.fillStyle = back;
    context.fillRect(0, 0, 6, 6);
    context.strokeStyle = line;
    context.lineWidth = 1.2;
    context.beginPath();
    for (const x of [-6, 0, 6]) {
      context.moveTo(x, 6);
      context.lineTo(x + 6, 0);
    }
    context.stroke();
    return this.context.createPattern(tile, "repeat");
  }
}

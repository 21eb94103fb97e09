/** The shapes that bars are made of, on a canvas. */

import { ERROR_LEVEL, INFO_LEVEL, WARN_LEVEL } from "./columns";
import type { Palette } from "./palette";

export const BAR = 12;
export const THIN = 4;
/** Pixels of the shortest bar. */
export const LEAST = 2;
const LABEL_GAP = 6;

export class Shapes {
  /** Thin bars under the names, without texts. */
  isNarrow = false;
  width = 0;
  readonly #hatches = new Map<string, CanvasPattern | null>();
  readonly #widths = new Map<string, number>();

  constructor(
    readonly context: CanvasRenderingContext2D,
    private palette: Palette,
  ) {}

  setPalette(palette: Palette): void {
    this.palette = palette;
    this.#hatches.clear();
    this.#widths.clear();
  }

  get barHeight(): number {
    return this.isNarrow ? THIN : BAR;
  }

  bar(left: number, right: number, middle: number, style: string | CanvasPattern, isFlat: boolean): void {
    const { context, barHeight: height } = this;
    const from = Math.max(-4, left);
    const width = Math.max(LEAST, Math.min(this.width + 4, right) - from);
    context.fillStyle = style;
    if (width <= 4 || isFlat || this.isNarrow) {
      context.fillRect(from, middle - height / 2, width, height);
      return;
    }
    context.beginPath();
    context.roundRect(from, middle - height / 2, width, height, 2.5);
    context.fill();
  }

  /** The end of a bar that still grows. */
  liveEdge(right: number, middle: number): void {
    const height = this.isNarrow ? THIN + 2 : BAR + 4;
    this.context.fillStyle = this.palette.accent;
    this.context.fillRect(Math.min(right, this.width) - 1, middle - height / 2, 3, height);
  }

  /** A part of the critical path, along the foot of its bar. */
  critical(from: number, to: number, middle: number): void {
    if (to < 0 || from > this.width) return;
    const left = Math.max(0, from);
    this.context.fillStyle = this.palette.critical;
    const top = this.isNarrow ? middle - 1 : middle + BAR / 2 - 3;
    this.context.fillRect(left, top, Math.max(1, Math.min(this.width, to) - left), 3);
  }

  /** A moment: a log. The level is in the shape as well as in the colour. */
  dot(x: number, middle: number, level: number): void {
    const { context, palette } = this;
    const size = this.isNarrow ? 2.5 : 4;
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

  /** For what is not in view, an arrow at the side where it is. False: it is in view. */
  arrow(left: number, right: number, middle: number): boolean {
    if (right >= 0 && left <= this.width) return false;
    const [x, by] = right < 0 ? [3, 4] : [this.width - 3, -4];
    const { context } = this;
    context.fillStyle = this.palette.strong;
    context.beginPath();
    context.moveTo(x, middle);
    context.lineTo(x + by, middle - 3.5);
    context.lineTo(x + by, middle + 3.5);
    context.fill();
    return true;
  }

  /** A text after a bar; where there is no room before it; else on a plate over its end. */
  label(text: string, left: number, right: number, middle: number): void {
    if (this.isNarrow) return;
    const { context, palette } = this;
    const width = this.#widthOf(text);
    let x = right + LABEL_GAP;
    if (x + width > this.width) {
      x = left - LABEL_GAP - width;
      if (x < 0) {
        x = Math.min(this.width, right) - width - 8;
        context.fillStyle = palette.back;
        context.beginPath();
        context.roundRect(x - 4, middle - 7, width + 8, 14, 3);
        context.fill();
      }
    }
    // Also beside a bar that steps back it has to be readable.
    context.globalAlpha = Math.max(context.globalAlpha, 0.8);
    context.fillStyle = palette.soft;
    context.fillText(text, x, middle + 0.5);
  }

  /** Oblique lines: time in which nothing was done. */
  hatch(back: string, line: string): string | CanvasPattern {
    const key = `${back} ${line}`;
    let pattern = this.#hatches.get(key);
    if (pattern === undefined) {
      pattern = this.#makeHatch(back, line);
      this.#hatches.set(key, pattern);
    }
    return pattern ?? back;
  }

  #widthOf(text: string): number {
    let width = this.#widths.get(text);
    if (width === undefined) {
      if (this.#widths.size > 2000) this.#widths.clear();
      width = this.context.measureText(text).width;
      this.#widths.set(text, width);
    }
    return width;
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

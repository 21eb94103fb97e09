/** Time laid over pixels: the whole of a run, the part that is in view, and how that is moved. In nanoseconds. */

import { axisStep } from "../../format/duration";

/** Nobody can look closer than this. */
const CLOSEST = 100;
const HOUR = 3600e9;

export interface Range {
  from: number;
  to: number;
}

export class TimeScale {
  whole: Range = { from: 0, to: 1 };
  /** What is in view; null: the whole, also as it grows. */
  part: Range | null = null;
  width = 1;
  /** Pixels left free before the first and after the last moment: for what is drawn around them. */
  before = 6;
  after = 6;

  get view(): Range {
    return this.part ?? this.whole;
  }

  x(time: number): number {
    const { from, to } = this.view;
    return this.before + ((time - from) / (to - from)) * this.room;
  }

  time(x: number): number {
    const { from, to } = this.view;
    return from + ((x - this.before) / this.room) * (to - from);
  }

  /** Pixels that the view has. */
  get room(): number {
    return Math.max(1, this.width - this.before - this.after);
  }

  /** Make the view `factor` times as long, with the moment at `x` staying where it is. */
  zoom(factor: number, x: number): void {
    const { from, to } = this.view;
    const still = Math.min(to, Math.max(from, this.time(x)));
    this.show({ from: still - (still - from) * factor, to: still + (to - still) * factor });
  }

  /** Move the view by so many pixels to later times. */
  pan(pixels: number): void {
    if (this.part === null) return;
    const { from, to } = this.part;
    const by = (pixels / this.room) * (to - from);
    const bounded = Math.min(this.whole.to - to, Math.max(this.whole.from - from, by));
    this.part = { from: from + bounded, to: to + bounded };
  }

  /** Bring a range into view, as far as it is in the whole. */
  show(range: Range): void {
    const { whole } = this;
    const length = Math.max(CLOSEST, range.to - range.from);
    if (length >= whole.to - whole.from) {
      this.part = null;
      return;
    }
    const from = Math.max(whole.from, Math.min(whole.to - length, range.from));
    this.part = { from, to: from + length };
  }

  /** Bring a row into view with some room around it. */
  showAround(from: number, to: number): void {
    const margin = Math.max(to - from, CLOSEST) * 0.05;
    this.show({ from: from - margin, to: to + margin });
  }

  reset(): void {
    this.part = null;
  }

  /** The whole is now another, as it grows with the clock. */
  setWhole(from: number, to: number): void {
    this.whole = { from, to: Math.max(to, from + CLOSEST) };
    if (this.part !== null) this.show(this.part);
  }

  /** Round moments in view, about one each `spacing` pixels. */
  ticks(spacing: number): { times: number[]; step: number } {
    const { from, to } = this.view;
    const zero = this.whole.from;
    const round = axisStep(to - from, this.room / spacing);
    const step = round === 50e9 ? 60e9 : round;
    const times: number[] = [];
    for (let time = zero + Math.ceil((from - zero) / step) * step; time <= to; time += step) times.push(time);
    return { times, step };
  }
}

/** A tick's text: as exact as the step needs, so that no two are the same. `0`, `250 ms`, `1.25 s`, `2:05`, `3:02:05`. */
export function tickText(time: number, step: number): string {
  if (Math.abs(time) < step / 2) return "0";
  const size = Math.abs(time);
  if (size < 1e6 && step < 1e6) return `${decimals(time / 1e3, step / 1e3)} µs`;
  if (size < 1e9 && step < 1e9) return `${decimals(time / 1e6, step / 1e6)} ms`;
  if (size < 60e9) return `${decimals(time / 1e9, step / 1e9)} s`;
  const places = Math.max(0, -Math.floor(Math.log10(step / 1e9)));
  const seconds = time / 1e9;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = (seconds % 60).toFixed(places).padStart(places === 0 ? 2 : places + 3, "0");
  if (hours >= 48) {
    const clock = step >= HOUR ? `${hours % 24} h` : `${hours % 24}:${String(minutes).padStart(2, "0")}`;
    return `${Math.floor(hours / 24)} d ${clock}${step < 60e9 ? `:${rest}` : ""}`;
  }
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

function decimals(value: number, step: number): string {
  return value.toFixed(Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9))));
}

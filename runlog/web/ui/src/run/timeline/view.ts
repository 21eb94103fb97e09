/** Draws the timeline's elements: at most once a frame, whatever has happened since the last one. */

import { effect } from "@preact/signals";
import { Scroller } from "../../parts/scroller";
import { anchorIn } from "./anchor";
import { paintAxis } from "./axis";
import { BarsPainter } from "./bars";
import { NONE } from "./columns";
import { indentOf, lookOf } from "./look";
import { minimapCells, paintCells, paintMinimap } from "./minimap";
import type { TimelineModel } from "./model";
import { type Palette, readPalette } from "./palette";
import { RowPool } from "./pool";

export interface Elements {
  frame: HTMLElement;
  /** The treegrid, which scrolls. */
  scroll: HTMLElement;
  space: HTMLElement;
  layer: HTMLElement;
  bars: HTMLCanvasElement;
  axis: HTMLCanvasElement;
  minimap: HTMLCanvasElement;
}

/** Below this width the bars are under the names. */
export const NARROW = 640;
/** Milliseconds between two pictures of a run that goes on: the shortest, and the longest. */
const SOON = 50;
const LATE = 1000;
const MINIMAP_EVERY = 500;
/** Pixels for the texts after the longest bars. */
const LABEL_ROOM = 78;
const SPLIT_LEAST = 140;

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class TimelineView {
  readonly scroller = new Scroller();
  rowHeight = 28;
  isNarrow = false;
  /** Pixels of the names. */
  split = 0;
  /** The row that is shown in the inspector; NONE. */
  selected = NONE;
  /** Where the pointer is over the bars; -1: it is not. */
  pointer = -1;
  /** The part of the axis that is being dragged over, in pixels. */
  band: [number, number] | null = null;
  /** Keep the newest rows in sight. */
  follows = false;
  match = "";

  readonly #pool: RowPool;
  readonly #painter: BarsPainter;
  #palette: Palette;
  #stamp = 0;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStale = true;
  #updated = 0;
  #cost = 0;
  #mapped = 0;
  #map: OffscreenCanvas | null = null;
  readonly #stops: (() => void)[] = [];

  constructor(
    readonly model: TimelineModel,
    readonly elements: Elements,
    id: string,
    private readonly onDrawn: () => void,
  ) {
    const context = elements.bars.getContext("2d") as CanvasRenderingContext2D;
    this.#palette = readPalette(elements.frame);
    this.#pool = new RowPool(elements.layer, id);
    this.#painter = new BarsPainter(context, model, this.#palette);
    this.#stops.push(this.scroller.attach(elements.scroll, () => this.#scrolled()));
    this.#stops.push(
      effect(() => {
        model.store.version.value;
        this.#isStale = true;
        this.draw();
      }),
    );
    const seen = () => this.draw();
    document.addEventListener("visibilitychange", seen);
    this.#stops.push(() => document.removeEventListener("visibilitychange", seen));
  }

  close(): void {
    for (const stop of this.#stops) stop();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
  }

  /** Colours or sizes are others now. */
  restyle(): void {
    this.#palette = readPalette(this.elements.frame);
    this.#painter.setPalette(this.#palette);
    this.#map = null;
    this.changed();
  }

  /** What rows say has changed, or which there are. */
  changed(): void {
    this.#stamp++;
    this.draw();
  }

  draw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  /** Do something that opens, closes or filters rows; what the cursor was at stays where it is on the screen. */
  rearrange(change: () => void): void {
    const { model, scroller, rowHeight } = this;
    const item = model.outline.visible[model.index] as number;
    const before = model.index * rowHeight - scroller.top;
    const wasInSight = before >= 0 && before <= scroller.view;
    change();
    scroller.resize(model.outline.count * rowHeight);
    const index = model.outline.placeOf(item);
    if (wasInSight && index !== NONE) this.#scrollTo(index * rowHeight - before);
    this.changed();
  }

  /** Bring a place into sight, if it is not. */
  show(index: number, where: "nearest" | "center" = "nearest"): void {
    const { rowHeight, scroller, model } = this;
    scroller.resize(model.outline.count * rowHeight);
    this.elements.space.style.height = `${scroller.height}px`;
    const y = index * rowHeight;
    const isInSight = y >= scroller.top && y + rowHeight <= scroller.top + scroller.view;
    if (!isInSight) scroller.reveal(y, rowHeight, where);
    this.changed();
  }

  /** The place of the row at a height of the window, or NONE. */
  indexAt(clientY: number): number {
    const y = clientY - this.elements.scroll.getBoundingClientRect().top + this.scroller.top;
    const index = Math.floor(y / this.rowHeight);
    return index >= 0 && index < this.model.outline.count ? index : NONE;
  }

  /** Pixels from the left of the bars to a place in the window; negative over the names. */
  barsX(clientX: number): number {
    return clientX - this.elements.scroll.getBoundingClientRect().left - (this.isNarrow ? 0 : this.split);
  }

  #scrolled(): void {
    if (this.scroller.byUser) this.follows = this.model.isRunning && this.#isAtEnd();
    this.draw();
  }

  #isAtEnd(): boolean {
    const { scroller } = this;
    return scroller.top + scroller.view >= scroller.total - this.rowHeight;
  }

  #scrollTo(y: number): void {
    this.elements.space.style.height = `${this.scroller.height}px`;
    this.scroller.reveal(Math.max(0, y), 0, "start");
  }

  #draw(): void {
    this.#frame = 0;
    if (document.visibilityState === "hidden") return;
    const started = performance.now();
    if (this.#isStale && started - this.#updated >= this.#cost * 3) this.#update(started);
    const { model, scroller, rowHeight, elements } = this;
    if (model.isRunning) model.tick();
    this.#measure();
    scroller.resize(model.outline.count * rowHeight);
    elements.space.style.height = `${scroller.height}px`;
    if (this.follows) scroller.toEnd();
    else scroller.settle();
    const top = Math.round(scroller.top);
    const from = Math.max(0, Math.floor(top / rowHeight));
    const to = Math.min(model.outline.count, Math.ceil((top + scroller.view) / rowHeight));
    this.#drawRows(from, to, top);
    this.#drawBars(from, to, top);
    paintAxis(context(elements.axis, model.scale.width, 24), model, this.#palette, this.pointer, this.band);
    this.#drawMinimap(started);
    this.#goOn();
    this.onDrawn();
  }

  /** Rows have come: lay them out, with what is selected, or else at the top of the view, staying there. */
  #update(started: number): void {
    const { model, scroller, rowHeight } = this;
    const topIndex = anchorIn(model.outline, this.selected, scroller, rowHeight);
    const anchor = topIndex > 0 && topIndex < model.outline.count ? (model.outline.visible[topIndex] as number) : 0;
    this.#isStale = false;
    model.update();
    const place = anchor === 0 || this.follows ? NONE : model.outline.placeOf(anchor);
    if (place !== NONE && place !== topIndex) {
      scroller.resize(model.outline.count * rowHeight);
      this.#scrollTo(scroller.top + (place - topIndex) * rowHeight);
    }
    this.#stamp++;
    this.#updated = performance.now();
    this.#cost = this.#updated - started;
  }

  #measure(): void {
    const { elements, model } = this;
    const width = elements.scroll.clientWidth;
    this.isNarrow = width < NARROW;
    const style = getComputedStyle(elements.frame);
    this.rowHeight = Number.parseFloat(style.getPropertyValue("--tl-row")) || 28;
    const wanted = Number.parseFloat(style.getPropertyValue("--tl-split")) || width * 0.4;
    this.split = Math.round(Math.max(SPLIT_LEAST, Math.min(width - 200, wanted)));
    elements.frame.classList.toggle("tl-narrow", this.isNarrow);
    elements.frame.style.setProperty("--tl-names", `${this.split}px`);
    const { scale, outline } = model;
    scale.width = this.isNarrow ? width : width - this.split;
    scale.before = this.isNarrow ? 10 : 12;
    scale.after = this.isNarrow ? 10 : LABEL_ROOM;
    const room = this.isNarrow ? width * 0.35 : this.split * 0.45;
    elements.frame.style.setProperty("--tl-step", `${indentOf(room, outline.deepest)}px`);
  }

  #drawRows(from: number, to: number, top: number): void {
    const { model, elements } = this;
    const { outline } = model;
    const at = model.index;
    this.#pool.draw(from, to, top, this.rowHeight, this.#stamp, (index) => ({
      index,
      depth: outline.depths[index] as number,
      isOpen: outline.canOpen(index) ? outline.isOpen(index) : null,
      isSelected: this.selected !== NONE && outline.visible[index] === this.selected,
      isCursor: index === at,
      look: lookOf(model, index),
      match: this.match,
    }));
    elements.layer.style.height = `${this.scroller.view}px`;
    elements.scroll.ariaRowCount = String(outline.count);
    const active = this.#pool.idOf(at);
    if (active === "") elements.scroll.removeAttribute("aria-activedescendant");
    else elements.scroll.setAttribute("aria-activedescendant", active);
  }

  #drawBars(from: number, to: number, top: number): void {
    const { isNarrow, pointer, rowHeight, scroller, model } = this;
    const { width } = model.scale;
    context(this.elements.bars, width, scroller.view);
    this.#painter.paint({ width, height: scroller.view, top, from, to, rowHeight, isNarrow, pointer });
  }

  #drawMinimap(started: number): void {
    const { model, elements } = this;
    const { scale } = model;
    const height = elements.minimap.clientHeight;
    const width = Math.max(1, Math.round(scale.room));
    if (height === 0) return;
    const isOld = started - this.#mapped > Math.max(MINIMAP_EVERY, this.#cost * 10);
    if (this.#map === null || this.#map.width !== width || (isOld && this.#mapStamp !== this.#mapKey())) {
      this.#map = paintCells(minimapCells(model, width, height), width, height, this.#palette);
      this.#mapped = started;
      this.#mapStamp = this.#mapKey();
    }
    paintMinimap(context(elements.minimap, scale.width, height), this.#map, model, this.#palette, scale.width, height);
  }

  #mapStamp = "";

  #mapKey(): string {
    const { scale, store } = this.model;
    return `${store.version.peek()} ${scale.whole.from} ${scale.whole.to}`;
  }

  /** While the run goes on its bars grow with the clock. */
  #goOn(): void {
    clearTimeout(this.#timer);
    const { model } = this;
    if (!model.isRunning && !this.#isStale && this.#mapStamp === this.#mapKey()) return;
    const perPixel = (model.scale.view.to - model.scale.view.from) / model.scale.room / 1e6;
    const wait = this.#isStale
      ? Math.max(0, this.#cost * 3 - (performance.now() - this.#updated))
      : model.isRunning
        ? Math.min(LATE, Math.max(still.matches ? LATE : SOON, perPixel))
        : MINIMAP_EVERY;
    this.#timer = setTimeout(() => this.draw(), wait);
  }
}

/** The context of a canvas of this size, in the screen's own pixels. */
function context(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const found = canvas.getContext("2d") as CanvasRenderingContext2D;
  const ratio = Math.max(1, devicePixelRatio);
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  found.setTransform(ratio, 0, 0, ratio, 0, 0);
  return found;
}

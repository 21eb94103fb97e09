/** What the keys, the tools and the pointer do to the timeline. */

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Selection } from "../../state/selection";
import type { Asked } from "./address";
import { LOG, NONE, PENDING, RUN } from "./columns";
import type { Criteria } from "./filter";
import type { TraceSource } from "./load";
import type { TimelineModel } from "./model";
import { isQuery, QueryFilter } from "./query";
import type { TimelineView } from "./view";

/** What is said about the whole. */
export interface Totals {
  rows: number;
  shown: number;
  /** Rows that a filter found; null: no filter. */
  matches: number | null;
  errors: number;
  isZoomed: boolean;
  isRunning: boolean;
  follows: boolean;
  hasQueue: boolean;
}

export interface Options {
  hasLogs: boolean;
  isFolding: boolean;
  isCritical: boolean;
  showsQueue: boolean | null;
}

const NOTHING: ReadonlySet<number> = new Set();
/** One step of zooming by key or button. */
const ZOOM = 1.6;
const PAN = 0.15;

export class TimelineControl {
  readonly #totals = signal<Totals | null>(null);
  /** Asked for in the address and not come yet. */
  #wanted: Selection = null;
  view: TimelineView | null = null;
  /** Null where there is no server. */
  readonly query: QueryFilter | null;

  constructor(
    readonly model: TimelineModel,
    private readonly onSelect: (selection: Selection) => void,
    private readonly onRange: () => void,
    source: TraceSource | null,
  ) {
    const found = (events: ReadonlySet<number>) => this.setCriteria({ ...this.model.outline.criteria, events });
    this.query = source?.matches === undefined ? null : new QueryFilter(model.store, source, found);
  }

  get totals(): ReadonlySignal<Totals | null> {
    return this.#totals as Signal<Totals | null>;
  }

  /** After each picture: what is said beside it. */
  drawn(): void {
    const { model, view } = this;
    const { outline, scale, store } = model;
    const next: Totals = {
      rows: store.count,
      shown: outline.count,
      matches: outline.filtered?.matches ?? null,
      errors: outline.counts.total,
      isZoomed: scale.part !== null,
      isRunning: model.isRunning,
      follows: view?.follows ?? false,
      hasQueue: model.hasQueue,
    };
    const last = this.#totals.peek();
    if (last === null || (Object.keys(next) as (keyof Totals)[]).some((key) => next[key] !== last[key])) {
      this.#totals.value = next;
    }
    if (this.#wanted !== null) this.select(this.#wanted);
  }

  /** Show what the address names, once it is there. */
  select(selection: Selection): void {
    const { model, view } = this;
    if (view === null) return;
    const found = this.#rowOf(selection);
    const isInTree = found < model.outline.known && model.store.rows.parent[found] !== PENDING;
    const row = isInTree ? found : NONE;
    this.#wanted = selection !== null && row === NONE ? selection : null;
    if (row === view.selected && row !== NONE) return;
    view.selected = row;
    if (row !== NONE) view.follows = false;
    if (row !== NONE && model.outline.visible[model.index] !== row) {
      view.rearrange(() => model.reveal(row));
      view.show(model.index, "center");
    }
    view.changed();
  }

  choose(index: number): void {
    this.model.moveTo(index);
    if (this.model.outline.isFold(index)) this.toggle(index);
    else this.onSelect(this.#selectionOf(this.model.outline.rowAt(index)));
    this.view?.changed();
  }

  move(by: number): void {
    this.goTo(this.model.index + by);
  }

  goTo(index: number): void {
    const { model, view } = this;
    model.moveTo(index);
    if (view !== null) view.follows = model.isRunning && index >= model.outline.count - 1;
    this.#followCursor();
    view?.show(model.index);
  }

  /** A page of rows, less one. */
  get page(): number {
    const { view } = this;
    return view === null ? 10 : Math.max(1, Math.floor(view.scroller.view / view.rowHeight) - 1);
  }

  right(): void {
    this.view?.rearrange(() => this.model.right());
    this.#moved();
  }

  left(): void {
    this.view?.rearrange(() => this.model.left());
    this.#moved();
  }

  toggle(index = this.model.index, deep = false): void {
    this.view?.rearrange(() => {
      this.model.moveTo(index);
      if (deep) this.model.toggleDeep(index);
      else this.model.toggle(index);
    });
  }

  setLevel(level: number): void {
    this.view?.rearrange(() => this.model.outline.setLevel(level));
    this.view?.show(this.model.index);
  }

  nextError(step: 1 | -1): void {
    this.view?.rearrange(() => this.model.nextError(step));
    this.#followCursor();
    this.view?.show(this.model.index, "center");
  }

  /** Select what the cursor is at. False for a family, which opens instead. */
  enter(): boolean {
    const { index, outline } = this.model;
    this.choose(index);
    return !outline.isFold(index);
  }

  fit(index = this.model.index): void {
    this.model.fit(index);
    this.#ranged();
  }

  zoom(step: 1 | -1): void {
    const { scale } = this.model;
    const { cursor, store } = this.model;
    const middle = scale.x(store.rows.start[cursor < 0 ? ~cursor : cursor] as number);
    const at = scale.part !== null && middle > 0 && middle < scale.width ? middle : scale.before + scale.room / 2;
    scale.zoom(step > 0 ? 1 / ZOOM : ZOOM, at);
    this.#ranged();
  }

  pan(step: 1 | -1): void {
    this.model.scale.pan(step * this.model.scale.room * PAN);
    this.#ranged();
  }

  showAll(): void {
    this.model.scale.reset();
    this.#ranged();
  }

  setFollow(follows: boolean): void {
    if (this.view === null) return;
    this.view.follows = follows;
    this.view.draw();
  }

  setCriteria(criteria: Criteria): void {
    const { view, model } = this;
    if (view === null) return;
    view.match = criteria.text.toLowerCase();
    view.rearrange(() => model.setCriteria(criteria));
  }

  /** Filter by what the address asks for: a text is looked for here, a query by the server. */
  filter(asked: Asked): void {
    const isAsked = this.query !== null && isQuery(asked.text);
    this.query?.ask(isAsked ? asked.text : "");
    const { criteria } = this.model.outline;
    const text = isAsked ? "" : asked.text;
    const events = isAsked ? (criteria.events ?? NOTHING) : null;
    const isSame = text === criteria.text && asked.level === criteria.level && asked.errors === criteria.errors;
    if (!isSame || events !== criteria.events)
      this.setCriteria({ text, level: asked.level, errors: asked.errors, events });
  }

  setOptions(options: Options): void {
    const { view, model } = this;
    if (view === null) return;
    view.rearrange(() => {
      model.outline.hasLogs = options.hasLogs;
      model.outline.isFolding = options.isFolding;
      model.outline.layOut();
    });
    if (options.isCritical !== (model.critical !== null)) model.setCritical(options.isCritical);
    model.showsQueue = options.showsQueue;
    model.tick();
    view.changed();
  }

  #moved(): void {
    this.#followCursor();
    this.view?.show(this.model.index);
  }

  /** While something is shown in the inspector, what the cursor moves to is. */
  #followCursor(): void {
    const { model, view } = this;
    if (view === null || view.selected === NONE || model.outline.isFold(model.index)) return;
    const selection = this.#selectionOf(model.outline.rowAt(model.index));
    if (selection !== null) this.onSelect(selection);
  }

  #ranged(): void {
    this.onRange();
    this.view?.draw();
  }

  #rowOf(selection: Selection): number {
    const { store } = this.model;
    if (selection === null) return NONE;
    return "span" in selection ? store.rowOfSpan(selection.span) : store.rowOfEvent(selection.event);
  }

  /** The shown run itself is no selection: the page is about it. */
  #selectionOf(row: number): Selection {
    const { store } = this.model;
    const { rows } = store;
    if (row === 0) return null;
    if (rows.kind[row] === LOG) return { event: rows.id[row] as number };
    if (rows.kind[row] === RUN && rows.spanHigh[row] === 0 && rows.spanLow[row] === 0) return null;
    return { span: store.spanId(row) };
  }
}

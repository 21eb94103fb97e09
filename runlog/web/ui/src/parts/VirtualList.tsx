// A list of any length of which only the rows in sight exist.
import type { ComponentChildren, JSX, Ref } from "preact";
import { useEffect, useId, useImperativeHandle, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Scroller } from "./scroller";
import "./virtual-list.css";

export interface VirtualListHandle {
  /** Bring a row into sight; "nearest" scrolls no more than needed. */
  scrollTo(index: number, where?: "nearest" | "center" | "start"): void;
  focus(): void;
}

export interface TreeRow {
  /** From 1. */
  level: number;
  /** Of a row with rows below it. */
  expanded?: boolean | undefined;
}

export interface VirtualListProps {
  count: number;
  rowHeight: number;
  /** The content of a row. With `cells` these are the row's cells (`role="gridcell"`), otherwise it is wrapped in one. */
  render: (index: number) => ComponentChildren;
  cells?: boolean;
  /** A header row that stays: its cells (`role="columnheader"`). */
  header?: ComponentChildren;
  label: string;
  keyOf?: (index: number) => string | number;
  rowClass?: (index: number) => string | undefined;
  /** Where a row of a tree is in it; makes the list a `treegrid`. */
  treeRow?: (index: number) => TreeRow;
  selected?: number | null;
  /** A key that the caller answers itself: true if it did. */
  onKey?: (event: KeyboardEvent) => boolean;
  /** A row was clicked or reached by the keyboard. */
  onSelect?: (index: number, event: MouseEvent | KeyboardEvent) => void;
  /** Enter or double click. */
  onActivate?: (index: number, event: MouseEvent | KeyboardEvent) => void;
  /** Keep the last row in sight as rows come. */
  follow?: boolean;
  /** The user scrolled away from the end, or back to it. */
  onFollow?: (following: boolean) => void;
  /** The last rows are in sight: more may be loaded. */
  onEnd?: () => void;
  /** Whether the first row is in sight, as it is scrolled. */
  onTop?: (atTop: boolean) => void;
  class?: string;
  ref?: Ref<VirtualListHandle>;
}

const OVERSCAN = 6;

export function VirtualList(props: VirtualListProps) {
  const { count, rowHeight, selected = null, follow = false } = props;
  const box = useRef<HTMLDivElement>(null);
  const [scroller] = useState(() => new Scroller());
  const [, redraw] = useState("");
  const latest = useRef(props);
  latest.current = props;
  const id = useId();
  scroller.resize(count * rowHeight);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const stop = scroller.attach(element, () => {
      redraw(scroller.drawing(latest.current.rowHeight));
      reportEnds(scroller, latest.current);
    });
    return stop;
  }, [scroller]);

  useLayoutEffect(() => {
    if (follow) scroller.toEnd();
    else scroller.settle();
  }, [scroller, follow, count, rowHeight]);

  useEffect(() => reportEnds(scroller, latest.current), [scroller, count]);

  useImperativeHandle(
    props.ref ?? null,
    () => ({
      scrollTo: (index, where = "nearest") =>
        scroller.reveal(index * latest.current.rowHeight, latest.current.rowHeight, where),
      focus: () => box.current?.focus(),
    }),
    [scroller],
  );

  const first = Math.max(0, Math.floor(scroller.top / rowHeight) - OVERSCAN);
  const last = Math.min(count, Math.ceil((scroller.top + scroller.view) / rowHeight) + OVERSCAN);
  const rows: JSX.Element[] = [];
  for (let index = first; index < last; index++) rows.push(row(props, index, scroller.place(index * rowHeight), id));
  const active = selected !== null && selected >= first && selected < last ? `${id}-${selected}` : undefined;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: its role is a grid's, of one kind or the other
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: as above
    <div
      ref={box}
      class={`virtual${props.class ? ` ${props.class}` : ""}`}
      role={props.treeRow ? "treegrid" : "grid"}
      tabIndex={0}
      aria-label={props.label}
      aria-rowcount={count + (props.header ? 1 : 0)}
      aria-activedescendant={active}
      onKeyDown={(event) => onKey(event, props, scroller)}
    >
      {props.header && (
        <div class="virtual-header" role="row" aria-rowindex={1}>
          {props.header}
        </div>
      )}
      <div class="virtual-space" role="rowgroup" style={{ height: `${scroller.height}px` }}>
        {rows}
      </div>
    </div>
  );
}

function row(props: VirtualListProps, index: number, top: number, id: string): JSX.Element {
  const chosen = index === props.selected;
  const more = props.rowClass?.(index);
  const place = props.treeRow?.(index);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the grid's
    <div
      key={props.keyOf?.(index) ?? index}
      id={`${id}-${index}`}
      role="row"
      class={`virtual-row${chosen ? " selected" : ""}${more ? ` ${more}` : ""}`}
      aria-rowindex={index + (props.header ? 2 : 1)}
      aria-selected={chosen}
      aria-level={place?.level}
      aria-expanded={place?.expanded}
      style={{ height: `${props.rowHeight}px`, transform: `translateY(${top}px)` }}
      onClick={(event) => props.onSelect?.(index, event)}
      onDblClick={(event) => props.onActivate?.(index, event)}
    >
      {props.cells ? (
        props.render(index)
      ) : (
        <div class="virtual-cell" role="gridcell">
          {props.render(index)}
        </div>
      )}
    </div>
  );
}

function onKey(event: KeyboardEvent, props: VirtualListProps, scroller: Scroller): void {
  if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
  const { count, selected = null } = props;
  if (count === 0) return;
  if (props.onKey?.(event)) {
    event.preventDefault();
    return;
  }
  const page = Math.max(1, Math.floor(scroller.view / props.rowHeight) - 1);
  const at = selected ?? -1;
  const to = {
    ArrowDown: at + 1,
    ArrowUp: at < 0 ? count - 1 : at - 1,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: count - 1,
  }[event.key];
  if (event.key === "Enter" && selected !== null) props.onActivate?.(selected, event);
  else if (to !== undefined) {
    const index = Math.max(0, Math.min(count - 1, to));
    scroller.reveal(index * props.rowHeight, props.rowHeight, "nearest");
    props.onSelect?.(index, event);
  } else return;
  event.preventDefault();
}

function reportEnds(scroller: Scroller, props: VirtualListProps): void {
  const left = scroller.total - scroller.top - scroller.view;
  if (left < props.rowHeight * 20) props.onEnd?.();
  props.onTop?.(scroller.top < props.rowHeight);
  if (scroller.byUser) props.onFollow?.(left < props.rowHeight);
}

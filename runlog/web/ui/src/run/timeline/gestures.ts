/** What the pointer does: choose, open, zoom, pan, select a range. */

import { NONE } from "./columns";
import type { TimelineView } from "./view";

export interface GestureHandlers {
  onChoose: (index: number) => void;
  onToggle: (index: number, deep: boolean) => void;
  onFit: (index: number) => void;
  /** The range in view is another now. */
  onRange: () => void;
  /** The pointer is over a row's bar or name; NONE: over none. */
  onHover: (index: number, x: number, y: number) => void;
  /** A link in a row was clicked. */
  onLink: (path: string) => void;
}

/** Pixels that a pointer moves before it is a drag. */
const SLACK = 4;
const WHEEL_ZOOM = 0.0025;
const LINE = 16;
/** Until when a second click makes a double one. What a single click shows may cover the place of the second. */
const DOUBLE = 220;

export function addGestures(view: TimelineView, handlers: GestureHandlers): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const { scroll, axis, minimap } = view.elements;
  addWheel(view, handlers, signal);
  addRows(view, handlers, signal);
  addBand(axis, view, handlers, signal, (x) => view.model.scale.time(x));
  addMinimap(minimap, view, handlers, signal);
  const leave = () => {
    view.pointer = -1;
    handlers.onHover(NONE, 0, 0);
    view.draw();
  };
  for (const element of [scroll, axis]) element.addEventListener("pointerleave", leave, { signal });
  return () => stop.abort();
}

function addWheel(view: TimelineView, handlers: GestureHandlers, signal: AbortSignal): void {
  const { scale } = view.model;
  const onWheel = (event: WheelEvent) => {
    const x = view.barsX(event.clientX);
    const pixels = event.deltaMode === 1 ? LINE : 1;
    if (event.ctrlKey || event.metaKey) {
      if (x < 0) return;
      scale.zoom(Math.exp(event.deltaY * pixels * WHEEL_ZOOM), x);
    } else {
      const across = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
      if (scale.part === null || Math.abs(across) <= (event.shiftKey ? 0 : Math.abs(event.deltaY))) return;
      scale.pan(across * pixels);
    }
    event.preventDefault();
    handlers.onRange();
    view.draw();
  };
  for (const element of [view.elements.scroll, view.elements.axis, view.elements.minimap]) {
    element.addEventListener("wheel", onWheel, { signal, passive: false });
  }
}

function addRows(view: TimelineView, handlers: GestureHandlers, signal: AbortSignal): void {
  const { scroll } = view.elements;
  const { scale } = view.model;
  const down = new Map<number, { x: number; y: number }>();
  let isDrag = false;
  let single: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener("abort", () => clearTimeout(single));

  scroll.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0 || isOverScrollbar(scroll, event)) return;
      if (down.size === 0) isDrag = false;
      down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    },
    { signal },
  );
  scroll.addEventListener(
    "pointermove",
    (event) => {
      const x = view.barsX(event.clientX);
      view.pointer = x >= 0 && event.pointerType === "mouse" && !view.isNarrow ? x : -1;
      const start = down.get(event.pointerId);
      if (start === undefined) {
        handlers.onHover(view.indexAt(event.clientY), event.clientX, event.clientY);
        view.draw();
        return;
      }
      const others = [...down].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      const other = others[0];
      if (other !== undefined) {
        const before = Math.max(20, Math.abs(start.x - other.x));
        const after = Math.max(20, Math.abs(event.clientX - other.x));
        scale.zoom(before / after, view.barsX((event.clientX + other.x) / 2));
        isDrag = true;
      } else {
        if (!isDrag && Math.hypot(event.clientX - start.x, event.clientY - start.y) < SLACK) return;
        if (!isDrag && view.barsX(start.x) >= 0) scroll.setPointerCapture(event.pointerId);
        isDrag = true;
        if (view.barsX(start.x) < 0) return;
        scale.pan(start.x - event.clientX);
      }
      handlers.onHover(NONE, 0, 0);
      down.set(event.pointerId, { x: event.clientX, y: event.clientY });
      handlers.onRange();
      view.draw();
    },
    { signal },
  );
  const up = (event: PointerEvent) => down.delete(event.pointerId);
  scroll.addEventListener("pointerup", up, { signal });
  scroll.addEventListener("pointercancel", up, { signal });

  scroll.addEventListener(
    "click",
    (event) => {
      clearTimeout(single);
      const index = view.indexAt(event.clientY);
      if (isDrag || index === NONE || isOverScrollbar(scroll, event)) return;
      const target = event.target as Element;
      const link = target.closest("a");
      if (link !== null) {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return; // the browser's own
        event.preventDefault();
        handlers.onLink(link.getAttribute("href") ?? "/");
        return;
      }
      if (target.closest(".tl-twist, .tl-count") !== null) handlers.onToggle(index, event.altKey);
      else if (view.barsX(event.clientX) < 0 || view.isNarrow) handlers.onChoose(index);
      else single = setTimeout(() => handlers.onChoose(index), DOUBLE);
    },
    { signal },
  );
  scroll.addEventListener(
    "dblclick",
    (event) => {
      clearTimeout(single);
      const index = view.indexAt(event.clientY);
      if (index === NONE || (event.target as Element).closest(".tl-twist") !== null) return;
      handlers.onFit(index);
    },
    { signal },
  );
}

/** Drag over the axis to see only that; a double click shows all again. */
function addBand(
  element: HTMLElement,
  view: TimelineView,
  handlers: GestureHandlers,
  signal: AbortSignal,
  timeAt: (x: number) => number,
): void {
  let from = 0;
  element.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      from = event.offsetX;
      view.band = [from, from];
      event.preventDefault();
    },
    { signal },
  );
  element.addEventListener(
    "pointermove",
    (event) => {
      view.pointer = event.offsetX;
      if (view.band !== null) view.band = [from, event.offsetX];
      view.draw();
    },
    { signal },
  );
  element.addEventListener(
    "pointerup",
    (event) => {
      if (view.band !== null && Math.abs(event.offsetX - from) >= SLACK) {
        const [one, other] = [timeAt(from), timeAt(event.offsetX)];
        view.model.scale.show({ from: Math.min(one, other), to: Math.max(one, other) });
        handlers.onRange();
      }
      view.band = null;
      view.draw();
    },
    { signal },
  );
  element.addEventListener("dblclick", () => showAll(view, handlers), { signal });
}

/** Drag over the strip to see only that; drag what is in view to move it, its edges to change them. */
function addMinimap(element: HTMLElement, view: TimelineView, handlers: GestureHandlers, signal: AbortSignal): void {
  const { scale } = view.model;
  const timeAt = (x: number) =>
    scale.whole.from + ((x - scale.before) / scale.room) * (scale.whole.to - scale.whole.from);
  const xOf = (time: number) =>
    scale.before + ((time - scale.whole.from) / (scale.whole.to - scale.whole.from)) * scale.room;
  let drag: { fixed: number } | { last: number } | null = null;

  element.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      event.preventDefault();
      const x = event.offsetX;
      const { part } = scale;
      const [left, right] = part === null ? [-100, -100] : [xOf(part.from), xOf(part.to)];
      if (part !== null && Math.abs(x - left) <= 6) drag = { fixed: part.to };
      else if (part !== null && Math.abs(x - right) <= 6) drag = { fixed: part.from };
      else if (part !== null && x > left && x < right) drag = { last: x };
      else drag = { fixed: timeAt(x) };
    },
    { signal },
  );
  element.addEventListener(
    "pointermove",
    (event) => {
      if (drag === null || scale.part === null) {
        element.style.cursor = "crosshair";
      } else element.style.cursor = "last" in drag ? "grabbing" : "ew-resize";
      if (drag === null) return;
      if ("last" in drag) {
        const whole = scale.whole.to - scale.whole.from;
        const length = scale.view.to - scale.view.from;
        scale.pan(((event.offsetX - drag.last) * whole) / length);
        drag.last = event.offsetX;
      } else {
        const time = timeAt(event.offsetX);
        if (Math.abs(xOf(drag.fixed) - event.offsetX) < SLACK) return;
        scale.show({ from: Math.min(time, drag.fixed), to: Math.max(time, drag.fixed) });
      }
      handlers.onRange();
      view.draw();
    },
    { signal },
  );
  const up = () => {
    drag = null;
  };
  element.addEventListener("pointerup", up, { signal });
  element.addEventListener("pointercancel", up, { signal });
  element.addEventListener("dblclick", () => showAll(view, handlers), { signal });
}

function showAll(view: TimelineView, handlers: GestureHandlers): void {
  view.model.scale.reset();
  handlers.onRange();
  view.draw();
}

function isOverScrollbar(scroll: HTMLElement, event: MouseEvent): boolean {
  return event.clientX - scroll.getBoundingClientRect().left >= scroll.clientWidth;
}

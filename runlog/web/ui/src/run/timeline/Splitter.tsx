import { useEffect, useRef } from "preact/hooks";

export interface SplitterProps {
  frame: () => HTMLElement | null;
  onChange: () => void;
}

const KEY = "runlog.timeline.split";
const STEP = 24;

/** The line between names and bars, to be dragged. Remembered on this machine. */
export function Splitter({ frame, onChange }: SplitterProps) {
  const line = useRef<HTMLDivElement>(null);
  const drag = useRef<{ x: number; width: number } | null>(null);
  const width = () => frame()?.querySelector<HTMLElement>(".tl-head-names")?.offsetWidth ?? 0;
  const set = (pixels: number | null) => {
    const element = frame();
    if (element === null) return;
    if (pixels === null) element.style.removeProperty("--tl-split");
    else element.style.setProperty("--tl-split", `${Math.round(pixels)}px`);
    remember(pixels);
    onChange();
  };
  useEffect(() => {
    const pixels = remembered();
    if (pixels !== null) set(pixels);
  }, []);
  return (
    <div
      ref={line}
      class="tl-splitter"
      role="separator"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label="Width of the names"
      aria-valuenow={Math.round(width())}
      onPointerDown={(event) => {
        drag.current = { x: event.clientX, width: width() };
        line.current?.setPointerCapture(event.pointerId);
        event.preventDefault();
      }}
      onPointerMove={(event) => {
        if (drag.current !== null) set(drag.current.width + event.clientX - drag.current.x);
      }}
      onPointerUp={() => {
        drag.current = null;
      }}
      onDblClick={() => set(null)}
      onKeyDown={(event) => {
        const by = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        set(width() + by);
      }}
    />
  );
}

function remember(pixels: number | null): void {
  try {
    if (pixels === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, String(Math.round(pixels)));
  } catch {
    // not remembered, but in force
  }
}

function remembered(): number | null {
  try {
    const pixels = Number(localStorage.getItem(KEY) ?? Number.NaN);
    return Number.isFinite(pixels) ? pixels : null;
  } catch {
    return null;
  }
}

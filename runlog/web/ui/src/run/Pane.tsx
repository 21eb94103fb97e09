// The pane beside: its width is the user's; on a narrow screen it is a sheet from below.
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";

const LEAST = 280;
const MOST = 0.7;
const STEP = 24;

interface PaneProps {
  label: string;
  /** Under which the width is remembered. */
  storageKey: string;
  children: ComponentChildren;
}

export function Pane({ label, storageKey, children }: PaneProps) {
  const [width, setWidth] = useState(() => remembered(storageKey));
  const dragged = useRef<{ x: number; width: number } | null>(null);
  const set = (next: number) => {
    const most = Math.max(LEAST, innerWidth * MOST);
    const fitting = Math.round(Math.max(LEAST, Math.min(most, next)));
    setWidth(fitting);
    remember(storageKey, fitting);
  };
  return (
    <div class="pane" style={{ "--pane-width": `${width}px` }}>
      <div
        class="pane-edge"
        role="separator"
        aria-orientation="vertical"
        aria-label={`Width of the ${label.toLowerCase()}`}
        aria-valuenow={width}
        aria-valuemin={LEAST}
        aria-valuemax={Math.round(innerWidth * MOST)}
        tabIndex={0}
        onKeyDown={(event) => {
          const step = event.key === "ArrowLeft" ? STEP : event.key === "ArrowRight" ? -STEP : 0;
          if (step === 0) return;
          event.preventDefault();
          event.stopPropagation();
          set(width + step);
        }}
        onPointerDown={(event) => {
          event.preventDefault();
          event.currentTarget.setPointerCapture(event.pointerId);
          dragged.current = { x: event.clientX, width };
        }}
        onPointerMove={(event) => {
          if (dragged.current) set(dragged.current.width + dragged.current.x - event.clientX);
        }}
        onPointerUp={() => {
          dragged.current = null;
        }}
        onDblClick={() => set(USUAL)}
      />
      {children}
    </div>
  );
}

const USUAL = 420;

function remembered(key: string): number {
  try {
    const found = Number(localStorage.getItem(`runlog.pane.${key}`));
    return found >= LEAST ? found : USUAL;
  } catch {
    return USUAL;
  }
}

function remember(key: string, width: number): void {
  try {
    localStorage.setItem(`runlog.pane.${key}`, String(width));
  } catch {
    // in force, but not remembered
  }
}

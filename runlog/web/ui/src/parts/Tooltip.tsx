import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import "./tooltip.css";

interface Shown {
  text: string;
  x: number;
  y: number;
}

const shown = signal<Shown | null>(null);
const DELAY = 300;

/** Shows more about what it is around, on hover and on focus. For what a `title` is too slow or too plain. */
export function Tooltip({ text, children }: { text: string; children: ComponentChildren }) {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const hide = () => {
    clearTimeout(timer.current);
    shown.value = null;
  };
  const show = (event: Event) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    clearTimeout(timer.current);
    timer.current = setTimeout(() => showTooltip(text, box.left + box.width / 2, box.bottom), DELAY);
  };
  useEffect(() => hide, []);
  return (
    <span
      class="tipped"
      onPointerEnter={show}
      onPointerLeave={hide}
      onFocusIn={show}
      onFocusOut={hide}
      onPointerDown={hide}
    >
      {children}
    </span>
  );
}

/** Show a tooltip below a point of the window, as over a canvas; null takes it away. */
export function showTooltip(text: string | null, x = 0, y = 0): void {
  shown.value = text === null ? null : { text, x, y };
}

export function TooltipLayer() {
  const element = useRef<HTMLDivElement>(null);
  const current = shown.value;
  useEffect(() => {
    const box = element.current;
    if (!box || !current) return;
    const { width, height } = box.getBoundingClientRect();
    const left = Math.max(4, Math.min(innerWidth - width - 4, current.x - width / 2));
    const below = current.y + 6 + height < innerHeight;
    box.style.transform = `translate(${left}px, ${below ? current.y + 6 : Math.max(4, current.y - height - 24)}px)`;
  }, [current]);
  if (!current) return null;
  return (
    <div class="tooltip" role="tooltip" ref={element}>
      {current.text}
    </div>
  );
}

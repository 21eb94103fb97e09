// How many there are over time, in stacked bars. Dragging over it narrows the time.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { count, shortCount } from "../format/number";
import { shortTime } from "../format/time";
import { serverNow } from "../state/clock";
import { type Buckets, dragged, type Slot, slotsOf, stack, ticksOf, topOf, totalsOf } from "./histogram-layout";
import "./histogram.css";

export interface Series {
  key: string;
  label: string;
  /** The custom property of its colour. */
  color: string;
  /** In the legend also where there are none; pressed: the query keeps it. */
  pressed?: boolean;
}

export interface HistogramProps {
  data: Buckets | null;
  /** From the bottom of the stack up. */
  series: readonly Series[];
  /** What is counted: "runs". */
  unit: string;
  /** Before the legend. */
  title?: ComponentChildren;
  onZoom: (from: number, to: number) => void;
  /** A click on the legend; `out` with Alt. */
  onSeries: (key: string, out: boolean) => void;
}

const HEIGHT = 64;
const TICK_WIDTH = 90;
const LABEL = 64;

export function Histogram({ data, series, unit, title, onZoom, onSeries }: HistogramProps) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const slots = useMemo(() => (data ? slotsOf(data) : []), [data]);
  const order = useMemo(() => series.map((one) => one.key), [series]);
  const totals = useMemo(() => totalsOf(slots), [slots]);
  const top = topOf(slots);
  const drag = useDrag(data, onZoom);
  const [hovered, setHovered] = useState<number | null>(null);
  const slot = hovered === null || !data ? null : slotAt(slots, hovered);
  const id = useId();
  return (
    <div class="histogram">
      <div class="histogram-head">
        {title}
        <Legend series={series} totals={totals} unit={unit} id={id} onSeries={onSeries} />
      </div>
      <div class="histogram-scale" aria-hidden>
        {slots.length > 0 && shortCount(top)}
      </div>
      <div
        ref={box}
        class="histogram-plot"
        role="group"
        aria-label={`${unit} over time`}
        aria-describedby={id}
        onPointerDown={drag.onDown}
        onPointerMove={(event) => {
          setHovered(shareOf(event));
          drag.onMove(event);
        }}
        onPointerUp={drag.onUp}
        onPointerCancel={drag.onCancel}
        onPointerLeave={() => setHovered(null)}
      >
        <svg width={width} height={HEIGHT} aria-hidden focusable="false">
          {slots.map((one) => (
            <Bar
              key={one.time}
              slot={one}
              order={order}
              series={series}
              top={top}
              width={width}
              active={one === slot}
            />
          ))}
        </svg>
        {drag.area && <Area from={drag.area[0]} to={drag.area[1]} />}
        {slot && !drag.area && <Card slot={slot} data={data as Buckets} series={series} />}
        {data && <Axis data={data} width={width} />}
      </div>
    </div>
  );
}

function useWidth(box: { current: HTMLDivElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [box]);
  return width;
}

function shareOf(event: PointerEvent): number {
  const bounds = (event.currentTarget as HTMLElement).getBoundingClientRect();
  return bounds.width ? (event.clientX - bounds.left) / bounds.width : 0;
}

function slotAt(slots: readonly Slot[], share: number): Slot | null {
  return slots.find((slot) => share >= slot.left && share < slot.left + slot.width) ?? null;
}

const CLICK = 0.005;

/** The area that is being dragged over, in shares of the width. */
function useDrag(data: Buckets | null, onZoom: (from: number, to: number) => void) {
  const [area, setArea] = useState<[number, number] | null>(null);
  return {
    area,
    onDown: (event: PointerEvent) => {
      if (!data || event.button !== 0) return;
      (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
      setArea([shareOf(event), shareOf(event)]);
    },
    onMove: (event: PointerEvent) => {
      if (area) setArea([area[0], shareOf(event)]);
    },
    onUp: (event: PointerEvent) => {
      if (!area || !data) return;
      setArea(null);
      const end = Math.abs(shareOf(event) - area[0]) < CLICK ? area[0] : shareOf(event);
      const { from, to } = dragged(data, area[0], end);
      onZoom(from, to);
    },
    onCancel: () => setArea(null),
  };
}

function Area({ from, to }: { from: number; to: number }) {
  const left = Math.max(0, Math.min(from, to));
  const right = Math.min(1, Math.max(from, to));
  return <div class="histogram-area" style={{ left: `${left * 100}%`, width: `${(right - left) * 100}%` }} />;
}

interface BarProps {
  slot: Slot;
  order: readonly string[];
  series: readonly Series[];
  top: number;
  width: number;
  active: boolean;
}

function Bar({ slot, order, series, top, width, active }: BarProps) {
  const left = Math.round(slot.left * width);
  const wide = Math.max(2, Math.round((slot.left + slot.width) * width) - left - 1);
  return (
    <g class={active ? "histogram-bar histogram-active" : "histogram-bar"}>
      {stack(slot, order, top, HEIGHT).map((segment) => (
        <rect
          key={segment.key}
          x={left}
          y={segment.top}
          width={wide}
          height={segment.height}
          style={{ fill: `var(${series.find((one) => one.key === segment.key)?.color ?? "--text-3"})` }}
        />
      ))}
    </g>
  );
}

function Card({ slot, data, series }: { slot: Slot; data: Buckets; series: readonly Series[] }) {
  const center = slot.left + slot.width / 2;
  const now = serverNow();
  return (
    <div class={`histogram-card ${center > 0.5 ? "histogram-card-left" : ""}`} style={{ left: `${center * 100}%` }}>
      <p>
        {shortTime(slot.time, now)} – {shortTime(slot.time + data.width, now)}
      </p>
      <Counts series={series} counts={slot.counts} />
    </div>
  );
}

function Counts({ series, counts }: { series: readonly Series[]; counts: ReadonlyMap<string, number> }) {
  return (
    <ul>
      {series
        .filter((one) => counts.has(one.key))
        .map((one) => (
          <li key={one.key}>
            <i style={{ background: `var(${one.color})` }} />
            {one.label}
            <b>{count(counts.get(one.key) ?? 0)}</b>
          </li>
        ))}
    </ul>
  );
}

function Axis({ data, width }: { data: Buckets; width: number }) {
  const span = data.end - data.start;
  return (
    <div class="histogram-axis" aria-hidden>
      {ticksOf(data.start, data.end, Math.max(1, Math.floor(width / TICK_WIDTH))).map((tick) => {
        const share = (tick.time - data.start) / span;
        return (1 - share) * width < LABEL ? null : (
          <span key={tick.time} style={{ left: `${share * 100}%` }}>
            {tick.label}
          </span>
        );
      })}
    </div>
  );
}

interface LegendProps {
  series: readonly Series[];
  totals: ReadonlyMap<string, number>;
  unit: string;
  id: string;
  onSeries: (key: string, out: boolean) => void;
}

function Legend({ series, totals, unit, id, onSeries }: LegendProps) {
  const shown = series.filter((one) => totals.has(one.key) || one.pressed !== undefined);
  return (
    <ul class="histogram-legend" id={id} aria-label={`${unit} by kind`}>
      {shown.map((one) => (
        <li key={one.key}>
          <button
            type="button"
            aria-pressed={one.pressed}
            title={`Only ${one.label}; with Alt: without`}
            onClick={(event) => onSeries(one.key, event.altKey)}
          >
            <i style={{ background: `var(${one.color})` }} />
            {one.label}
            {totals.has(one.key) && <b>{count(totals.get(one.key) ?? 0)}</b>}
          </button>
        </li>
      ))}
    </ul>
  );
}

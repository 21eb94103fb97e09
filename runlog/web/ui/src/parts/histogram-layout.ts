// Where the bars of a histogram over time are, apart from how they are drawn.

export interface Slot {
  time: number;
  /** In shares of the width. */
  left: number;
  width: number;
  total: number;
  counts: ReadonlyMap<string, number>;
}

export interface Buckets {
  start: number;
  end: number;
  width: number;
  buckets: readonly { time: number; counts: Readonly<Record<string, number>> }[];
}

export interface Segment {
  key: string;
  top: number;
  height: number;
}

/** The slots that hold something. */
export function slotsOf(data: Buckets): Slot[] {
  const span = Math.max(data.end - data.start, 1);
  return data.buckets.map((bucket) => {
    const counts = new Map(Object.entries(bucket.counts).filter(([, count]) => count > 0));
    const left = Math.max(0, (bucket.time - data.start) / span);
    const right = Math.min(1, (bucket.time + data.width - data.start) / span);
    let total = 0;
    for (const count of counts.values()) total += count;
    return { time: bucket.time, left, width: Math.max(0, right - left), total, counts };
  });
}

/** How many there are of each, over all slots. */
export function totalsOf(slots: readonly Slot[]): Map<string, number> {
  const totals = new Map<string, number>();
  for (const slot of slots) for (const [key, count] of slot.counts) totals.set(key, (totals.get(key) ?? 0) + count);
  return totals;
}

/** The upper end of the scale: round, and seldom another. */
export function topOf(slots: readonly Slot[]): number {
  const most = slots.reduce((found, slot) => Math.max(found, slot.total), 0);
  if (most <= 5) return Math.max(most, 1);
  const unit = 10 ** Math.floor(Math.log10(most));
  return ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * unit >= most) ?? 10) * unit;
}

const LEAST = 2;

/** A bar's parts from the bottom up in pixels. Each that is there can be seen, though it be one of ten thousand. */
export function stack(slot: Slot, order: readonly string[], top: number, height: number): Segment[] {
  const keys = order.filter((key) => slot.counts.has(key));
  const heights = keys.map((key) => Math.max(LEAST, ((slot.counts.get(key) ?? 0) / top) * height));
  const over = heights.reduce((sum, one) => sum + one, 0) - height;
  if (over > 0) {
    const largest = heights.indexOf(Math.max(...heights));
    heights[largest] = Math.max(LEAST, (heights[largest] ?? 0) - over);
  }
  let bottom = height;
  return keys.map((key, at) => {
    const tall = heights[at] ?? 0;
    bottom -= tall;
    return { key, top: bottom, height: tall };
  });
}

const SECOND = 1e3;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((n) => n * DAY),
];

export interface Tick {
  time: number;
  label: string;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const seconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** Round times of the viewer's zone, `most` at most. */
export function ticksOf(start: number, end: number, most: number): Tick[] {
  if (end <= start) return [];
  const rough = (end - start) / Math.max(1, most);
  const step = STEPS.find((one) => one >= rough) ?? Math.ceil(rough / (365 * DAY)) * 365 * DAY;
  const ticks: Tick[] = [];
  for (let time = firstTick(start, step); time <= end; time = nextTick(time, step)) {
    if (time >= start) ticks.push({ time, label: tickLabel(time, step) });
  }
  return ticks;
}

function firstTick(start: number, step: number): number {
  const date = new Date(start);
  date.setHours(0, 0, 0, 0);
  const midnight = date.getTime();
  return step >= DAY ? midnight : midnight + Math.floor((start - midnight) / step) * step;
}

/** Days are not all of 24 hours. */
function nextTick(time: number, step: number): number {
  if (step < DAY) return time + step;
  const date = new Date(time);
  date.setDate(date.getDate() + Math.round(step / DAY));
  return date.getTime();
}

function tickLabel(time: number, step: number): string {
  const date = new Date(time);
  if (step >= DAY || (step >= HOUR && date.getHours() === 0 && date.getMinutes() === 0)) return day.format(time);
  if (step >= MINUTE) return clock.format(time);
  if (step >= SECOND) return seconds.format(time);
  return `${seconds.format(time)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** The time between two places of a drag, widened to whole slots. */
export function dragged(data: Buckets, one: number, other: number): { from: number; to: number } {
  const span = data.end - data.start;
  const at = (share: number) => data.start + Math.min(1, Math.max(0, share)) * span;
  const origin = data.buckets[0]?.time ?? data.start; // slots may begin before the start
  const down = (time: number) => origin + Math.floor((time - origin) / data.width) * data.width;
  const from = down(at(Math.min(one, other)));
  const to = Math.max(down(at(Math.max(one, other)) - 1e-6) + data.width, from + data.width);
  return { from, to };
}

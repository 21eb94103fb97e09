// The time that a list shows, as it stands in the address: `from` and `to`, each a time (ISO 8601) or so long ago.
import { shortTime } from "./time";

export interface Range {
  from: string | null;
  to: string | null;
}

export const ALL: Range = { from: null, to: null };

export const PRESETS: readonly { from: string | null; label: string; short: string }[] = [
  { from: "-15m", label: "Last 15 minutes", short: "15 min" },
  { from: "-1h", label: "Last hour", short: "1 h" },
  { from: "-24h", label: "Last 24 hours", short: "24 h" },
  { from: "-7d", label: "Last 7 days", short: "7 d" },
  { from: null, label: "All time", short: "All" },
];

const UNITS: ReadonlyMap<string, number> = new Map([
  ["s", 1e3],
  ["m", 6e4],
  ["h", 36e5],
  ["d", 864e5],
  ["w", 6048e5],
]);

/** Milliseconds since 1970 of a time in the address; null where it is none. */
export function timeOf(text: string | null, now: number): number | null {
  if (!text) return null;
  const relative = /^-(\d{1,6})([smhdw])$/.exec(text);
  if (relative) return now - Number(relative[1]) * (UNITS.get(relative[2] ?? "") ?? 0);
  const time = Date.parse(text);
  return Number.isFinite(time) ? time : null;
}

export interface Span {
  from: number | undefined;
  to: number | undefined;
}

/** What a range means now, for the API. */
export function spanOf(range: Range, now: number): Span {
  return { from: timeOf(range.from, now) ?? undefined, to: timeOf(range.to, now) ?? undefined };
}

/** Whether it moves on with the clock. */
export function isRelative(range: Range): boolean {
  return (range.from?.startsWith("-") ?? false) || (range.to?.startsWith("-") ?? false);
}

/** A range between two moments, to the millisecond. */
export function between(from: number | null, to: number | null): Range {
  const text = (time: number | null) => (time === null ? null : new Date(Math.round(time)).toISOString());
  return { from: text(from), to: text(to) };
}

/** What a range is called, in the viewer's zone. */
export function rangeLabel(range: Range, now: number): string {
  const preset = PRESETS.find((one) => one.from === range.from);
  if (preset && range.to === null) return preset.label;
  const from = timeOf(range.from, now);
  const to = timeOf(range.to, now);
  if (from === null && to === null) return "All time";
  if (from === null) return `until ${shortTime(to as number, now)}`;
  if (to === null) return range.from?.startsWith("-") ? `Last ${range.from.slice(1)}` : `since ${shortTime(from, now)}`;
  return `${shortTime(from, now)} – ${shortTime(to, now)}`;
}

/** The value of an input for a date and time, in the viewer's zone. */
export function inputValue(time: number | null): string {
  if (time === null) return "";
  const local = new Date(time - new Date(time).getTimezoneOffset() * 6e4);
  return local.toISOString().slice(0, 19);
}

export function ofInput(value: string): number | null {
  const time = value === "" ? Number.NaN : new Date(value).getTime();
  return Number.isFinite(time) ? time : null;
}

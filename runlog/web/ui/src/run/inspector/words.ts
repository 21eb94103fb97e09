// What the inspector says in words.
import type { Comparison, EventDetail } from "../../api/types";
import { duration } from "../../format/duration";
import { count, percent, plural } from "../../format/number";

/** Fewer cannot be compared with. */
const FEWEST = 5;

/** "slower than 97 % of the last 1,000 of its kind" */
export function comparisonWords(comparison: Comparison): string {
  const { slower_than: share } = comparison;
  if (share === null || comparison.count < FEWEST) {
    if (comparison.count === 0) return "the first of its kind";
    return `only ${plural(comparison.count, "other")} of its kind to compare with`;
  }
  const others = `of the last ${count(comparison.count)} of its kind`;
  if (share >= 0.5) return share === 1 ? `slower than all ${others}` : `slower than ${percent(share)} ${others}`;
  return share === 0 ? `faster than all ${others}` : `faster than ${percent(1 - share)} ${others}`;
}

export interface Scale {
  /** 0 to 1. */
  at: number;
  p50: number;
  p95: number;
}

/** Where this duration and the usual ones are between the fastest and the slowest, on a logarithmic scale. */
export function comparisonScale(comparison: Comparison, own: number): Scale | null {
  const { fastest, slowest, p50, p95 } = comparison;
  if (fastest === null || slowest === null || p50 === null || p95 === null || comparison.count < FEWEST) return null;
  const low = Math.log(Math.max(1, Math.min(fastest, own)));
  const high = Math.log(Math.max(2, slowest, own));
  const place = (value: number) => (high <= low ? 0.5 : (Math.log(Math.max(1, value)) - low) / (high - low));
  return { at: place(own), p50: place(p50), p95: place(p95) };
}

export type SpanTone = "good" | "bad" | "attention" | "active" | "idle";

/** How a span ended, and what that means. */
export function statusWords(detail: EventDetail): { label: string; tone: SpanTone; about: string } {
  if (detail.kind === "open") return { label: "running", tone: "active", about: "It has begun and not ended" };
  switch (detail.status) {
    case "error":
      return { label: "failed", tone: "bad", about: detail.status_message };
    case "canceled":
      return { label: "canceled", tone: "attention", about: "It was cancelled while it ran" };
    case "unfinished":
      return {
        label: "unfinished",
        tone: "attention",
        about: "Its attempt or its process ended before it did; it was closed from outside",
      };
    case "ok":
      return { label: "ok", tone: "good", about: "The code said so" };
    default:
      return { label: "", tone: "idle", about: "" };
  }
}

/** How long after the run's beginning: `+1.2 s`; `-5 ms` before it. */
export function sinceStart(time: number, origin: number): string {
  const ns = (time - origin) * 1e6;
  return ns < 0 ? `-${duration(-ns)}` : `+${duration(ns)}`;
}

/** What is missing of the event, a line each. Attributes that were cut say so themselves. */
export function missingWords(detail: EventDetail): string[] {
  const keys = new Set(detail.attributes.map(([key]) => key));
  const cut = detail.truncated
    .filter(([key]) => !keys.has(key))
    .map(([key, size]) => `${key} was cut: it had ${plural(size, "character")}`);
  const dropped = detail.dropped.map(([what, number]) => `${count(number)} ${what} not kept`);
  return [...cut, ...dropped];
}

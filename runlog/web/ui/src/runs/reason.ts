// In words, what became of a run or why it does not execute, for one line of a list.
import type { RunRow } from "../api/types";
import { ago, shortTime } from "../format/time";
import { toldText } from "../format/told";

export interface Detail {
  /** The type of an error. */
  type: string;
  text: string;
}

/** The error of a run that failed; of one that does not execute, why, in the viewer's time. */
export function detailOf(run: RunRow, now: number): Detail | null {
  if (run.ended === null) {
    const text = waiting(run, now);
    if (text) return { type: "", text };
  }
  if (run.error) {
    const { type, message } = run.error;
    return { type: type.toUpperCase() === run.status ? "" : type, text: message }; // else it is said already
  }
  return run.reason ? { type: "", text: run.reason } : null;
}

function waiting(run: RunRow, now: number): string {
  const { cause, available } = run;
  const reason = run.reason ?? (run.status === "PENDING_VERSION" ? "no worker knows its task" : "");
  if (available !== null && cause === "delayed") return `delayed until ${shortTime(available, now)}`;
  if (available === null || cause !== "retry") return toldText(reason, run.times, (ms) => shortTime(ms, now));
  const next = available > now ? `next try ${ago(available, now)}` : "tries again as soon as a worker is free";
  return `${reason.split("; the next one ")[0]}; ${next}`;
}

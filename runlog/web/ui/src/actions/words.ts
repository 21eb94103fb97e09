// What an action will do, in words, before it is done.
import type { RunDetail, RunRow, Session } from "../api/types";
import { count, plural } from "../format/number";
import { withTerm } from "../format/query";
import { type Range, spanOf } from "../format/range";
import { statusLook } from "../format/status";

/** Why nothing can be changed from here; null where it can. */
export function whyNot(session: Session | null): string | null {
  if (session === null || session.can_operate) return null;
  return session.scope === "view"
    ? "This link can only look: its scope is view"
    : "There is no queue here that can be written";
}

/** What a cancel does to a run as it is now, the most important first. */
export function cancelWords({ run, children }: Pick<RunDetail, "run" | "children">): string[] {
  const words = [fate(run)];
  if (children > 0) words.push("Runs that it waits for are canceled with it; what it only triggered goes on.");
  words.push("It is not tried again. To run it once more, replay it.");
  return words;
}

function fate({ status, attempt, worker }: RunRow): string {
  switch (status) {
    case "EXECUTING": {
      const who = worker === null ? "A worker" : `Worker ${worker}`;
      return (
        `${who} executes it now (attempt ${attempt}). An async task gets the cancellation at its next await: finally ` +
        "blocks and hooks still run, then it ends as Canceled. A thread cannot be stopped: the run ends at once, and " +
        "its code is told at ctx.checkpoint()."
      );
    }
    case "WAITING":
      return "It waits, and its place in the queue is free. Its code is canceled where it waits: finally blocks and hooks still run, then it ends as Canceled.";
    default: {
      const begun =
        attempt > 0 ? `Its attempt ${attempt} is over and no other` : "Nothing of it was executed, and nothing";
      return `No worker executes it: it is ${statusLook(status).label.toLowerCase()}. ${begun} will be; it ends at once as Canceled.`;
    }
  }
}

const ENDED = "status:(COMPLETED OR FAILED OR CANCELED OR TIMED_OUT OR CRASHED OR EXPIRED)";

/** The query of everything that a list shows: what was typed, within its time, as of now. */
export function wholeQuery(query: string, range: Range, now: number): string {
  const { from, to } = spanOf(range, now);
  let whole = query.trim();
  if (from !== undefined) whole = withTerm(whole, `run.created:>=${new Date(from).toISOString()}`);
  if (to !== undefined) whole = withTerm(whole, `run.created:<${new Date(to).toISOString()}`);
  return whole || "run:*";
}

/** Those of a query that can still be canceled. */
export function openOnly(query: string): string {
  return withTerm(query, `-${ENDED}`);
}

export type Act = "cancel" | "replay";

/** "Cancel 12,044 runs" */
export function actWords(act: Act, runs: number): string {
  return `${act === "cancel" ? "Cancel" : "Replay"} ${plural(runs, "run")}`;
}

/** What came of it: "12,040 runs canceled, 4 had ended". */
export function resultWords(act: Act, done: { matched: number; changed: number; refused_total: number }): string {
  const left = done.matched - done.changed - done.refused_total;
  const gone = act === "cancel" ? "had ended" : "are not in the queue any more";
  return [
    `${plural(done.changed, "run")} ${act === "cancel" ? "canceled" : "replayed"}`,
    ...(left > 0 ? [`${count(left)} ${gone}`] : []),
    ...(done.refused_total > 0 ? [`${count(done.refused_total)} refused`] : []),
  ].join(", ");
}

/** What is said about the row under the pointer: exactly when, and how long. */

import { duration, exactDuration } from "../../format/duration";
import { count, percent } from "../../format/number";
import { fullTime } from "../../format/time";
import { LOG } from "./columns";
import { isInterrupted, lookOf } from "./look";
import type { TimelineModel } from "./model";

export function hoverText(model: TimelineModel, index: number): string {
  const { outline, store } = model;
  const row = outline.rowAt(index);
  const look = lookOf(model, index);
  const start = store.rows.start[row] as number;
  const lines = [[look.title, look.times].filter((text) => text !== "").join(" ")];
  if (look.more !== "") lines.push(look.more);
  if (outline.isFold(index)) return [...lines, ...foldLines(model, row)].join("\n");
  lines.push(
    `${store.rows.kind[row] === LOG ? "At" : "Began"} ${fullTime(store.origin + start / 1e6)} (+${duration(start)})`,
  );
  if (store.rows.kind[row] === LOG) return lines.join("\n");
  const took = store.end(row, model.now) - start;
  if (store.isRunning(row)) lines.push(`Running for ${duration(took)}`);
  else if (isInterrupted(model, row)) lines.push("Its end was never recorded");
  else lines.push(`Took ${duration(took)} (${exactDuration(took)})`);
  if (model.critical?.parts.has(row)) {
    const own = model.critical.own(row);
    const whole = store.end(0, model.now);
    lines.push(`On the critical path for ${duration(own)} of its own (${percent(own / Math.max(1, whole))})`);
  }
  return lines.join("\n");
}

function foldLines(model: TimelineModel, leader: number): string[] {
  const fold = model.folds.of(leader);
  const lines = [`From +${duration(fold.start)} to +${duration(fold.end)}`];
  if (!fold.isLog) {
    lines.push(
      `${count(fold.members.length)} together ${duration(fold.total)}, 95 % took at most ${duration(fold.p95)}`,
    );
  }
  return lines;
}

// The states of a run and the levels of a log: their words, colours and icons, in one place.
import type { RunRow } from "../api/types";

export type RunStatus = RunRow["status"];
export type LevelName = "debug" | "info" | "warn" | "error";
/** What a colour means; tokens.css has `--good` and so on. */
export type Tone = "good" | "bad" | "attention" | "active" | "idle";
export type StatusIcon = "check" | "cross" | "bolt" | "timer" | "play" | "pause" | "queue" | "clock" | "stop" | "lock";

export interface StatusLook {
  label: string;
  tone: Tone;
  icon: StatusIcon;
  /** The custom property of its colour. */
  color: string;
  ended: boolean;
}

const LOOKS: Record<RunStatus, StatusLook> = {
  PENDING_VERSION: look("Pending version", "attention", "lock", "pending-version", false),
  DELAYED: look("Delayed", "idle", "clock", "delayed", false),
  QUEUED: look("Queued", "idle", "queue", "queued", false),
  EXECUTING: look("Executing", "active", "play", "executing", false),
  WAITING: look("Waiting", "idle", "pause", "waiting", false),
  COMPLETED: look("Completed", "good", "check", "completed", true),
  FAILED: look("Failed", "bad", "cross", "failed", true),
  CRASHED: look("Crashed", "bad", "bolt", "crashed", true),
  TIMED_OUT: look("Timed out", "bad", "timer", "timed-out", true),
  CANCELED: look("Canceled", "attention", "stop", "canceled", true),
  EXPIRED: look("Expired", "attention", "clock", "expired", true),
};

/** The order in which states are listed and stacked: what went wrong lies at the bottom of a bar. */
export const STATUSES = [
  "FAILED",
  "CRASHED",
  "TIMED_OUT",
  "CANCELED",
  "EXPIRED",
  "PENDING_VERSION",
  "EXECUTING",
  "WAITING",
  "QUEUED",
  "DELAYED",
  "COMPLETED",
] as const satisfies readonly RunStatus[];

export const LEVELS = ["error", "warn", "info", "debug"] as const satisfies readonly LevelName[];

export function statusLook(status: RunStatus): StatusLook {
  return LOOKS[status];
}

/** The name of a level's number: OpenTelemetry has four numbers for each. */
export function levelName(level: number): LevelName {
  if (level >= 17) return "error";
  if (level >= 13) return "warn";
  return level >= 9 ? "info" : "debug";
}

function look(label: string, tone: Tone, icon: StatusIcon, name: string, ended: boolean): StatusLook {
  return { label, tone, icon, color: `--state-${name}`, ended };
}

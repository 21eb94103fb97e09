/** A run's state as the status of the row that stands for it. */

import type { RunRow } from "../../api/types";
import { CANCELED, FAILED, OK, UNSET } from "./columns";

type Status = RunRow["status"];

const STATUS: Partial<Record<Status, number>> = {
  COMPLETED: OK,
  FAILED,
  TIMED_OUT: FAILED,
  CRASHED: FAILED,
  CANCELED,
  EXPIRED: CANCELED,
};

export function statusOf(status: Status): number {
  return STATUS[status] ?? UNSET;
}

export function hasEnded(status: Status): boolean {
  return STATUS[status] !== undefined;
}

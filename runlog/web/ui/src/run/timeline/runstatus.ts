/** A run's state as the status of the row that stands for it. */

import type { RunRow } from "../../api/types";
import { statusLook } from "../../format/status";
import { CANCELED, FAILED, OK, UNSET } from "./columns";

export function statusOf(status: RunRow["status"]): number {
  const { ended, tone } = statusLook(status);
  if (!ended) return UNSET;
  return tone === "good" ? OK : tone === "bad" ? FAILED : CANCELED;
}

export function hasEnded(status: RunRow["status"]): boolean {
  return statusLook(status).ended;
}

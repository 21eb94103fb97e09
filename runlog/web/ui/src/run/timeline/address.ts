/** The timeline's part of the address: filters, what is shown, and the range in view. */

import { setParams } from "../../state/url";
import { DEBUG_LEVEL, ERROR_LEVEL, INFO_LEVEL, WARN_LEVEL } from "./columns";
import type { Options } from "./control";
import type { Range, TimeScale } from "./scale";

const LEVELS: Record<string, number> = { info: INFO_LEVEL, warn: WARN_LEVEL, error: ERROR_LEVEL };

export interface Asked {
  text: string;
  level: number;
  errors: boolean;
}

export function askedFilter(params: URLSearchParams): Asked {
  return {
    text: params.get("filter") ?? "",
    level: LEVELS[params.get("level") ?? ""] ?? DEBUG_LEVEL,
    errors: params.get("errors") === "1",
  };
}

export function askedOptions(params: URLSearchParams): Options {
  const queue = params.get("queue");
  return {
    hasLogs: params.get("logs") !== "0",
    isFolding: params.get("fold") !== "0",
    isCritical: params.get("critical") === "1",
    showsQueue: queue === null ? null : queue === "1",
  };
}

export function askedRange(params: URLSearchParams): Range | null {
  const [from, to] = [Number(params.get("from") ?? Number.NaN), Number(params.get("to") ?? Number.NaN)];
  return Number.isFinite(from) && Number.isFinite(to) && to > from ? { from, to } : null;
}

export function writeRange(scale: TimeScale): void {
  const { part } = scale;
  const changes =
    part === null ? { from: null, to: null } : { from: String(Math.round(part.from)), to: String(Math.round(part.to)) };
  setParams(changes, "replace");
}

export function toggleParam(params: URLSearchParams, name: string, value: string): void {
  setParams({ [name]: params.get(name) === value ? null : value }, "replace");
}

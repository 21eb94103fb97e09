/** The icons of rows, as paths in 16 × 16; drawn with lines unless they are filled. */

import type { RunRow } from "../../api/types";
import { statusLook } from "../../format/status";
import { PATHS } from "../../parts/Icon";
import { LOG } from "./columns";
import { ATTEMPT, BLOCKED, CODE, DATABASE, DELAY, HTTP, TRIGGER, WAIT } from "./roles";
import type { TraceStore } from "./store";

export interface RowIcon {
  path: string;
  isFilled: boolean;
}

const BOX = line("M4.5 4.5h7v7h-7z");
const BY_ROLE: Record<number, RowIcon> = {
  [ATTEMPT]: line("M13 8a5 5 0 1 1-1.5-3.5M13 2v3h-3"),
  [DELAY]: line("M4.5 2.5h7M4.5 13.5h7M5.5 2.5c0 3 5 4 5 5.5s-5 2.5-5 5.5M10.5 2.5c0 3-5 4-5 5.5s5 2.5 5 5.5"),
  [WAIT]: line("M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v3.5l2.5 1.5"),
  [TRIGGER]: line("M2.5 8h8M7 4.5L10.5 8 7 11.5M13.5 3v10"),
  [HTTP]: line("M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM2 8h12M8 2c-3.5 3.5-3.5 8.5 0 12M8 2c3.5 3.5 3.5 8.5 0 12"),
  [DATABASE]: line("M3 4c0-2.7 10-2.7 10 0s-10 2.7-10 0zM3 4v8c0 2.7 10 2.7 10 0V4M3 8c0 2.7 10 2.7 10 0"),
  [CODE]: line("M5.5 4.5L2 8l3.5 3.5M10.5 4.5L14 8l-3.5 3.5"),
  [BLOCKED]: line("M4.5 7.5h7v6h-7zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5"),
};
const DEBUG_ICON = line("M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z");
const INFO_ICON = filled("M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6z");
const WARN_ICON = filled("M8 4l4.5 8h-9z");
const ERROR_ICON = filled("M8 3.5L12.5 8 8 12.5 3.5 8z");
export const FOLD_ICON = line("M5.5 2.5h8v8M2.5 5.5h8v8h-8z");

export const OPEN_PATH = "M4 6l4 4 4-4";
export const CLOSED_PATH = "M6 4l4 4-4 4";

export function iconOf(store: TraceStore, row: number): RowIcon {
  const kind = store.rows.kind[row];
  if (kind === LOG) {
    const level = store.rows.level[row] as number;
    if (level >= 17) return ERROR_ICON;
    if (level >= 13) return WARN_ICON;
    return level >= 9 ? INFO_ICON : DEBUG_ICON;
  }
  return BY_ROLE[store.rows.role[row] as number] ?? BOX;
}

export function runIcon(status: RunRow["status"]): RowIcon {
  const { icon } = statusLook(status);
  return { path: PATHS[icon], isFilled: icon === "play" || icon === "bolt" };
}

function line(path: string): RowIcon {
  return { path, isFilled: false };
}

function filled(path: string): RowIcon {
  return { path, isFilled: true };
}

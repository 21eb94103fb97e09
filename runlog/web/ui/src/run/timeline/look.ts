/** What a row says: its texts, icon and colours. */

import { plainText } from "../../format/ansi";
import { duration } from "../../format/duration";
import { count, plural } from "../../format/number";
import { levelName, statusLook, type Tone } from "../../format/status";
import { CANCELED, FAILED, LOG, OPEN, RUN, UNFINISHED } from "./columns";
import { BOTH, MATCH } from "./filter";
import { FOLD_ICON, iconOf, type RowIcon, runIcon } from "./icons";
import type { TimelineModel } from "./model";
import { isUnread } from "./outline";

const UNREAD = "what is inside is not loaded";

export type LookTone = Tone | "plain" | "soft" | "level-debug" | "level-info" | "level-warn" | "level-error";

export interface Look {
  icon: RowIcon;
  iconTone: LookTone;
  title: string;
  titleTone: LookTone;
  /** What repeated siblings are counted by: `×4,812`. */
  times: string;
  /** Where a log comes from, if not from the logger. */
  source: string;
  /** A short word in a frame: a run's state, an HTTP status. */
  badge: string;
  badgeTone: LookTone;
  /** Beside the name: an error's title, a state. */
  more: string;
  moreTone: LookTone;
  /** How long it took, where the bars have no room for texts. */
  took: string;
  /** In what is closed: errors, warnings, rows. */
  errors: number;
  warnings: number;
  below: number;
  /** Kept only because of what is in it. */
  isDim: boolean;
  isStrong: boolean;
  isFold: boolean;
  /** The run that the row stands for, if it is another one. */
  runId: string;
  /** For who does not see the bars: when and how long. */
  spoken: string;
}

const LONGEST = 300;

export function lookOf(model: TimelineModel, index: number): Look {
  const { outline, store } = model;
  const row = outline.rowAt(index);
  const look = outline.isFold(index) ? foldLook(model, row) : rowLook(model, row);
  if (!outline.isFold(index) && !outline.isOpen(index)) {
    look.errors = outline.counts.errors[row] as number;
    look.warnings = outline.counts.warnings[row] as number;
    look.below = (outline.counts.spans[row] as number) + (outline.hasLogs ? (outline.counts.logs[row] as number) : 0);
  }
  const mark = outline.filtered?.mask[row];
  look.isDim = mark !== undefined && mark !== MATCH && mark !== BOTH && !outline.isFold(index);
  if (model.critical !== null && !outline.isFold(index)) look.isDim ||= !model.critical.parts.has(row);
  if (store.rows.orphan[row] === 1 && look.more === "") {
    look.more = store.main.state === "partial" ? "its parent is not loaded" : "its parent is not in the log";
  }
  return look;
}

function foldLook(model: TimelineModel, leader: number): Look {
  const fold = model.folds.of(leader);
  const look = plain(model, leader);
  look.icon = FOLD_ICON;
  look.iconTone = "soft";
  look.title = oneLine(fold.text);
  look.isFold = true;
  look.times = `×${count(fold.members.length)}`;
  look.errors = fold.errors;
  look.warnings = fold.warnings;
  look.isStrong = true;
  if (fold.isLog) {
    const level = levelName(model.store.rows.level[leader] as number);
    if (level === "warn" || level === "error") look.titleTone = `level-${level}`;
  } else {
    const parts = fold.running < fold.members.length ? [`p95 ${duration(fold.p95)}`] : [];
    if (fold.failed > 0) parts.push(`${count(fold.failed)} failed`);
    if (fold.running > 0) parts.push(`${count(fold.running)} running`);
    look.more = parts.join(" · ");
    look.moreTone = fold.failed > 0 ? "bad" : "soft";
    look.took = duration(fold.total);
  }
  look.spoken = `${plural(fold.members.length, "row")} of the same kind, ${duration(fold.total)} together`;
  return look;
}

function rowLook(model: TimelineModel, row: number): Look {
  const { store } = model;
  const kind = store.rows.kind[row];
  if (kind === LOG) return logLook(model, row);
  if (kind === RUN) return runLook(model, row);
  const look = plain(model, row);
  const status = store.rows.status[row];
  look.title = oneLine(store.name(row));
  for (const text of store.accessories.get(row) ?? []) {
    if (/^\d{3}$/.test(text)) {
      look.badge = text;
      look.badgeTone = text >= "500" ? "bad" : text >= "400" ? "attention" : "soft";
    } else look.more = look.more === "" ? oneLine(text) : `${look.more} · ${oneLine(text)}`;
  }
  if (status === FAILED) {
    // The name is red where it began; what that took down with it has the red icon only.
    look.iconTone = look.moreTone = "bad";
    if (model.outline.counts.isError[row] === 1) look.titleTone = "bad";
  } else if (status === CANCELED || status === UNFINISHED || isInterrupted(model, row)) {
    look.iconTone = look.moreTone = "attention";
    const word = status === CANCELED ? "canceled" : "interrupted";
    look.more = look.more === "" ? word : `${word} · ${look.more}`;
  } else if (store.isRunning(row)) look.iconTone = "active";
  if (isUnread(store, row)) look.more = look.more === "" ? UNREAD : `${UNREAD} · ${look.more}`;
  look.took = took(model, row);
  look.spoken = spoken(model, row);
  return look;
}

function runLook(model: TimelineModel, row: number): Look {
  const trace = model.store.traceAt(row);
  const look = plain(model, row);
  if (trace === undefined) return look;
  const { label, tone } = statusLook(trace.run.status);
  look.title = oneLine(trace.run.task);
  look.isStrong = true;
  look.icon = runIcon(trace.run.status);
  look.iconTone = tone;
  look.badge = label;
  look.badgeTone = tone;
  look.runId = row === 0 ? "" : trace.run.run_id;
  if (trace.run.error !== null) {
    look.more = oneLine(`${trace.run.error.type}: ${trace.run.error.message}`);
    look.moreTone = tone === "bad" ? "bad" : "attention";
  }
  if (trace.state === "loading" && row !== 0) look.more = "loading …";
  if (trace.state === "failed" && row !== 0) look.more = "could not be loaded; open it to try again";
  look.took = took(model, row);
  look.spoken = `${label}. ${spoken(model, row)}`;
  return look;
}

function logLook(model: TimelineModel, row: number): Look {
  const { store } = model;
  const look = plain(model, row);
  const level = levelName(store.rows.level[row] as number);
  look.iconTone = `level-${level}`;
  look.titleTone = level === "debug" ? "soft" : level === "info" ? "plain" : `level-${level}`;
  look.title = oneLine(store.message(row));
  look.more = (store.accessories.get(row) ?? []).map(oneLine).join(" · ");
  if (look.title.trim() === "") look.more ||= "no message";
  look.moreTone = "soft";
  const source = store.name(row).replace(/^logging:/, "");
  look.source = source === "logger" ? "" : oneLine(source);
  look.spoken = `${level}, ${spoken(model, row)}`;
  return look;
}

function plain(model: TimelineModel, row: number): Look {
  return {
    icon: iconOf(model.store, row),
    iconTone: "soft",
    title: "",
    titleTone: "plain",
    times: "",
    source: "",
    took: "",
    badge: "",
    badgeTone: "soft",
    more: "",
    moreTone: "soft",
    errors: 0,
    warnings: 0,
    below: 0,
    isDim: false,
    isStrong: false,
    isFold: false,
    runId: "",
    spoken: "",
  };
}

/** Whether a span began, and its run ended without its end. */
export function isInterrupted(model: TimelineModel, row: number): boolean {
  const { store } = model;
  if (store.rows.kind[row] !== OPEN || store.isRunning(row)) return false;
  return store.traces[store.rows.run[row] as number]?.state === "loaded";
}

function took(model: TimelineModel, row: number): string {
  const { store } = model;
  return isInterrupted(model, row) ? "" : duration(store.end(row, model.now) - (store.rows.start[row] as number));
}

function spoken(model: TimelineModel, row: number): string {
  const { store } = model;
  const start = store.rows.start[row] as number;
  const at = `at ${duration(start)}`;
  if (store.rows.kind[row] === LOG) return at;
  if (store.isRunning(row)) return `${at}, running for ${took(model, row)}`;
  return isInterrupted(model, row) ? `${at}, never ended` : `${at}, took ${took(model, row)}`;
}

/** The first line of a text, without escapes, and how many more there are. */
export function oneLine(text: string): string {
  const cut = text.length > LONGEST ? text.slice(0, LONGEST) : text;
  const clean = plainText(cut);
  const end = clean.search(/[\n\r]/);
  if (end < 0) return clean;
  const more = (text.match(/\n(?=.)/g) ?? []).length;
  return more > 0 ? `${clean.slice(0, end)}  …(+${plural(more, "line")})` : clean.slice(0, end);
}

/** Pixels of one level's indentation, of the room that all of them may take: names are seen however deep they are. */
export function indentOf(room: number, levels: number): number {
  const step = room / Math.max(1, levels);
  return step < 2 ? step : Math.min(16, Math.floor(step));
}

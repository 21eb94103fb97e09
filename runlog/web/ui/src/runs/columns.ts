import type { RunRow } from "../api/types";

/** A column of the runs list. Any `payload.x`, `output.x`, `metadata.x` and `attr.x` is one too. */
export interface Column {
  id: string;
  label: string;
  /** Its track in the grid. */
  width: string;
  /** Numbers: right-aligned. */
  end?: boolean;
  about?: string;
}

const KNOWN: readonly Column[] = [
  { id: "status", label: "State", width: "124px" },
  { id: "task", label: "Task", width: "minmax(110px, 0.55fr)" },
  {
    id: "started",
    label: "Started",
    width: "84px",
    end: true,
    about: "start of the first attempt, or when it was triggered",
  },
  { id: "duration", label: "Duration", width: "150px", about: "light: in the queue; full: from the first attempt on" },
  { id: "attempt", label: "Try", width: "30px", end: true, about: "attempts begun" },
  { id: "issues", label: "Issues", width: "78px", about: "errors and warnings logged" },
  {
    id: "detail",
    label: "What happened",
    width: "minmax(160px, 1.25fr)",
    about: "the error, or why it does not execute",
  },
  { id: "tags", label: "Tags", width: "minmax(64px, 0.25fr)" },
  { id: "version", label: "Version", width: "72px", about: "of the code it ran on" },
  { id: "run", label: "Run", width: "210px" },
  { id: "queue", label: "Queue", width: "110px" },
  { id: "queue_time", label: "Queued for", width: "84px", end: true },
  { id: "created", label: "Triggered", width: "84px", end: true },
  { id: "ended", label: "Ended", width: "84px", end: true },
  { id: "spans", label: "Spans", width: "64px", end: true },
  { id: "logs", label: "Logs", width: "64px", end: true },
  { id: "worker", label: "Worker", width: "130px" },
  { id: "concurrency_key", label: "Concurrency key", width: "130px" },
  { id: "parent", label: "Parent run", width: "210px" },
  { id: "schedule", label: "Schedule", width: "120px" },
  { id: "batch", label: "Batch", width: "210px" },
];

const BY_ID = new Map(KNOWN.map((column) => [column.id, column]));

export const DEFAULT_COLUMNS: readonly string[] = KNOWN.slice(0, 9).map((column) => column.id);

const DATA = /^(?:payload|output|metadata|attr)\../;

/** Whether it is a column made of what the runs carry: `payload.user_id`. */
export function isData(id: string): boolean {
  return DATA.test(id);
}

export function columnOf(id: string): Column | null {
  const known = BY_ID.get(id);
  if (known) return known;
  return isData(id) ? { id, label: id.replace(/^attr\./, ""), width: "minmax(90px, 0.5fr)" } : null;
}

/** What can be chosen beyond those of the data. */
export function knownColumns(): readonly Column[] {
  return KNOWN;
}

/** The columns that a URL names; the default ones where it names none. Unknown names are left out. */
export function readColumns(text: string | null): Column[] {
  const ids = text === null ? DEFAULT_COLUMNS : [...new Set(text.split(",").map(unescaped))];
  const found = ids.map(columnOf).filter((column) => column !== null);
  return found.length ? found : DEFAULT_COLUMNS.map(columnOf).filter((column) => column !== null);
}

const OFTEN_EMPTY: ReadonlyMap<string, (run: RunRow) => boolean> = new Map([
  ["tags", (run) => run.tags.length > 0],
  ["version", (run) => run.code_version !== null],
]);

/** Without those of the usual columns that have nothing in any of these runs: the room is for what happened. */
export function filled(columns: readonly Column[], runs: readonly RunRow[]): readonly Column[] {
  if (writeColumns(columns) !== null) return columns; // they were asked for
  return columns.filter(({ id }) => {
    const has = OFTEN_EMPTY.get(id);
    return has === undefined || runs.some(has);
  });
}

/** For the URL; null where they are the default ones. */
export function writeColumns(columns: readonly Column[]): string | null {
  const ids = columns.map((column) => column.id);
  return ids.join() === DEFAULT_COLUMNS.join() ? null : ids.map(escapeName).join(",");
}

/** What the API is asked for beside the run itself. */
export function dataColumns(columns: readonly Column[]): string {
  return columns
    .filter((column) => isData(column.id))
    .map((column) => escapeName(column.id))
    .join(",");
}

/** A name among others with commas between them. */
export function escapeName(id: string): string {
  return id.replace(/[%,]/g, (character) => (character === "%" ? "%25" : "%2C"));
}

function unescaped(text: string): string {
  return text.replace(/%25|%2C/gi, (code) => (code === "%25" ? "%" : ","));
}

/** A column moved to another place. */
export function moved(columns: readonly Column[], from: number, to: number): Column[] {
  const list = [...columns];
  const [column] = list.splice(from, 1);
  if (column) list.splice(to, 0, column);
  return list;
}

/** Pixels below which the columns are scrolled. */
export function leastWidth(columns: readonly Column[]): number {
  const least = (column: Column) => Number.parseInt(column.width.replace("minmax(", ""), 10);
  return columns.reduce((sum, column) => sum + least(column) + GAP, CHOOSE + PADDING);
}

const CHOOSE = 28;
/** As in runs.css. */
const GAP = 10;
const PADDING = 18;

export function gridOf(columns: readonly Column[]): string {
  const tracks = columns.map((column) => column.width);
  if (!tracks.some((track) => track.includes("fr"))) tracks.push("1fr"); // what is left over belongs to nobody
  return [`${CHOOSE}px`, ...tracks].join(" ");
}

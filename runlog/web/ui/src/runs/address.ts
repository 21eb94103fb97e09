// What the runs page shows, as it stands in the address.
import type { Range } from "../format/range";
import { type Column, readColumns } from "./columns";

export interface Asked {
  q: string;
  range: Range;
  columns: Column[];
  /** The row that the keys act on. */
  selected: string | null;
}

export function asked(params: URLSearchParams): Asked {
  return {
    q: params.get("q") ?? "",
    range: { from: params.get("from"), to: params.get("to") },
    columns: readColumns(params.get("columns")),
    selected: params.get("selected"),
  };
}

/** The query string of a view, without what is of the moment only. */
export function viewSearch(params: URLSearchParams): string {
  const kept = new URLSearchParams(params);
  kept.delete("selected");
  return kept.toString();
}

/** Views that everybody wants. */
export const BUILT_IN: readonly { name: string; search: string }[] = [
  { name: "All runs", search: "" },
  { name: "Failed", search: "q=status%3A%28FAILED+OR+CRASHED+OR+TIMED_OUT%29" },
  { name: "Failed in the last hour", search: "q=status%3A%28FAILED+OR+CRASHED+OR+TIMED_OUT%29&from=-1h" },
  { name: "Executing", search: "q=status%3A%28EXECUTING+OR+WAITING%29" },
  { name: "Not started", search: "q=status%3A%28QUEUED+OR+DELAYED+OR+PENDING_VERSION%29" },
  { name: "With logged errors", search: "q=run.errors%3A%3E0" },
];

// Answers what the views ask the API for, from the file.
import type { Params } from "../api/client";
import { ApiError } from "../api/client";
import type { RunLink, RunsPage, TracePage } from "../api/types";
import { type Embedded, embedded } from "./embedded";

export { ApiError, isAbort } from "../api/client";

export async function get<T>(path: string, params: Params = {}): Promise<T> {
  return answer(embedded(), path, params) as T;
}

/** The answer to a request. Throws ApiError for what is not in the file. */
export function answer(file: Embedded, path: string, params: Params): unknown {
  const [, , kind = "", id = "", part = ""] = path.split("/").map(decodeURIComponent);
  if (kind === "events" && part === "") {
    const event = file.event(Number(id));
    if (event !== undefined) return event;
    throw absent("The details of this row are not in this file");
  }
  const run = kind === "runs" ? file.find(id) : undefined;
  if (run === undefined) throw absent("This run is not in this file");
  switch (part) {
    case "":
      return { ...run.detail, previous: inFile(file, run.detail.previous), next: inFile(file, run.detail.next) };
    case "context":
      return run.context;
    case "trace":
      return pageAfter(run.pages, Number(params.after ?? 0));
    case "children":
      return { items: run.pages[0]?.children ?? [], cursor: null, searched_to: null, position: "" } satisfies RunsPage;
    case "matches":
      throw absent("This file cannot be queried: look for a text");
    default:
      throw absent("This is not in this file");
  }
}

function inFile(file: Embedded, run: RunLink | null): RunLink | null {
  return run !== null && file.find(run.run_id) !== undefined ? run : null;
}

/** The page that follows a cursor. The last is the last, also where not all rows are in the file: its notes say so. */
function pageAfter(pages: readonly TracePage[], after: number): TracePage {
  const at = after === 0 ? 0 : pages.findIndex((page) => page.cursor === after) + 1;
  const page = pages[at];
  if (page === undefined) throw absent("No more rows are in this file");
  return at === pages.length - 1 ? { ...page, more: false, remaining: 0 } : { ...page, more: true };
}

function absent(what: string): ApiError {
  return new ApiError(404, { code: "not-found", what });
}

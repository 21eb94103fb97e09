// Of a file the browser lets only the fragment change.
import type { Place } from "../state/place";
import { embedded } from "./embedded";

export function readPlace(): Place {
  const [path = "", ...query] = location.hash.slice(1).split("?");
  return { path: path || "/", search: query.length > 0 ? `?${query.join("?")}` : "" };
}

export function writtenPlace({ path, search }: Place): string {
  return `#${path}${search}`;
}

/** Only the runs of the file are. */
export function isHere(path: string): boolean {
  const found = /^\/runs\/([^/?#]+)/.exec(path)?.[1];
  return found !== undefined && embedded().find(decodeURIComponent(found)) !== undefined;
}

// The address is the state of the page: which view, and what it shows. One signal; the browser's history follows it.
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { isHere, type Place, readPlace, writtenPlace } from "./place";

export type View = "runs" | "run" | "logs" | "errors" | "error" | "plugins" | "openapi" | "missing";

export interface Route {
  view: View;
  id?: string;
}

export type How = "push" | "replace";

/** Browsers refuse more than some 100 changes of the address in 30 s: while a slider moves it is written now and then. */
const WRITE_AFTER = 250;
/** Paths are of this page, wherever that is. */
const SOMEWHERE = "http://runlog.invalid";

const place = signal<Place>(readPlace());
let pending: ReturnType<typeof setTimeout> | undefined;

const path = computed(() => place.value.path);
export const route: ReadonlySignal<Route> = computed(() => routeOf(path.value));

const search = computed(() => place.value.search);
export const params: ReadonlySignal<URLSearchParams> = computed(() => new URLSearchParams(search.value));

/** The address as it is now, without the host. */
export const address: ReadonlySignal<string> = computed(() => place.value.path + place.value.search);

/** Where a run is. */
export function runPath(runId: string): string {
  return `/runs/${encodeURIComponent(runId)}`;
}

/** Go to a path of this page, with its query string. */
export function navigate(to: string, how: How = "push"): void {
  const url = new URL(to, SOMEWHERE);
  if (url.origin !== SOMEWHERE || !isHere(url.pathname)) return;
  go({ path: url.pathname, search: url.search }, how);
}

/**
 * Change parameters of the current view; null or "" takes one out. "push" for what the back button should undo (a tab,
 * an opened item), "replace" for adjustments (typing, zoom).
 */
export function setParams(changes: Record<string, string | null>, how: How): void {
  const next = new URLSearchParams(place.value.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  go({ path: place.value.path, search: text === "" ? "" : `?${text}` }, how);
}

/** Follow the browser's back and forward. Called once at the start. */
export function startHistory(): void {
  addEventListener("popstate", () => {
    clearTimeout(pending);
    pending = undefined;
    place.value = readPlace();
  });
  addEventListener("pagehide", settle);
}

export function routeOf(pathname: string): Route {
  const parts = pathname.split("/").filter((part) => part !== "");
  const [first = "runs", second, ...more] = parts;
  if (more.length > 0) return { view: "missing" };
  if (second !== undefined) {
    const id = decoded(second);
    if (first === "runs") return { view: "run", id };
    if (first === "errors") return { view: "error", id };
    return { view: "missing" };
  }
  switch (first) {
    case "runs":
    case "logs":
    case "errors":
    case "plugins":
    case "openapi":
      return { view: first };
    default:
      return { view: "missing" };
  }
}

function go(to: Place, how: How): void {
  if (to.path === place.value.path && to.search === place.value.search) return;
  if (how === "push") {
    settle();
    history.pushState(null, "", writtenPlace(to));
    place.value = to;
    return;
  }
  place.value = to;
  pending ??= setTimeout(settle, WRITE_AFTER);
}

/** Write what is not yet in the browser's address. */
function settle(): void {
  if (pending === undefined) return;
  clearTimeout(pending);
  pending = undefined;
  history.replaceState(history.state, "", writtenPlace(place.peek()));
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

import { signal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { Failed, Loading } from "./states";

const waiting: (() => void)[] = [];
let ahead = false;

/** A component whose code is fetched when it is first shown, or ahead of that once `fetchAhead` was called. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): (props: P) => JSX.Element {
  const found = signal<ComponentType<P> | null>(null);
  const failed = signal(false);
  let asked = false;
  const fetchIt = () => {
    if (asked) return;
    asked = true;
    load().then(
      (component) => {
        found.value = component;
      },
      () => {
        failed.value = true;
      },
    );
  };
  if (ahead) setTimeout(fetchIt);
  else waiting.push(fetchIt);
  return function Lazy(props: P) {
    fetchIt();
    const View = found.value;
    if (View !== null) return <View {...props} />;
    if (failed.value) return <Failed error={NOT_LOADED} onRetry={() => location.reload()} />;
    return <Loading />;
  };
}

/** Fetch the code of what was not shown yet, as nothing else is to be done: the server may be another one later. */
export function fetchAhead(): void {
  ahead = true;
  for (const fetchIt of waiting.splice(0)) fetchIt();
}

const NOT_LOADED = new Error("A part of it could not be loaded from the server.");

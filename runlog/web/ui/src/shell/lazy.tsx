import { signal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { Failed, Loading } from "../parts/states";

/** A view whose code is fetched when it is first shown, or by `preload`. */
export function lazy<P extends object>(
  load: () => Promise<ComponentType<P>>,
): ((props: P) => JSX.Element) & { preload(): void } {
  const found = signal<ComponentType<P> | null>(null);
  const failed = signal(false);
  let asked = false;
  const preload = () => {
    if (asked) return;
    asked = true;
    load().then(
      (component) => {
        found.value = component;
      },
      () => {
        failed.value = true;
        asked = false;
      },
    );
  };
  function Lazy(props: P) {
    preload();
    const View = found.value;
    if (View !== null) return <View {...props} />;
    if (failed.value)
      return <Failed error={new Error("A part of the page could not be loaded.")} onRetry={() => location.reload()} />;
    return <Loading />;
  }
  return Object.assign(Lazy, { preload });
}

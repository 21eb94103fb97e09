// The document's title: the view's, and what a view says about itself.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { session } from "./session";
import type { Route, View } from "./url";

const TITLES: Record<View, string> = {
  runs: "Runs",
  run: "Run",
  logs: "Logs",
  errors: "Errors",
  error: "Error",
  plugins: "Plugins",
  openapi: "API",
  missing: "Not found",
};

const own = signal<string | null>(null);

/** What the document is called while the component is shown, as `send-email failed`. */
export function usePageTitle(title: string | null): void {
  useEffect(() => {
    own.value = title;
    return () => {
      own.value = null;
    };
  }, [title]);
}

/** The shell's part of it. */
export function useTitle(here: Route): void {
  const parts = [own.value ?? TITLES[here.view], session.value?.project ?? "runlog"];
  const title = parts.join(" · ");
  useEffect(() => {
    document.title = title;
  }, [title]);
}

// What stands where data would: there is none, it is on its way, it could not be had.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";
import type { Problem } from "../api/types";
import { Button } from "./Button";
import { CopyButton } from "./CopyButton";
import { Icon } from "./Icon";
import "./states.css";

/** Nothing matches, nothing is there yet: says what would change that. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <p class="state-title">{title}</p>
      {children && <div class="state-text">{children}</div>}
    </div>
  );
}

const SHOW_AFTER = 200;
const LOOK_AGAIN = 3000;

/** Shows itself only after a moment: what comes at once should not flash. */
export function Loading({ what = "Loading", progress }: { what?: string; progress?: string | undefined }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), SHOW_AFTER);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="state" role="status" aria-busy>
      {shown && (
        <p class="state-title loading">
          <span class="spinner" aria-hidden />
          {what}
          {progress ? ` ${progress}` : "…"}
        </p>
      )}
    </div>
  );
}

/** Something failed: what, why, what helps, and a way to try again. A server that is away is looked for by itself. */
export function Failed({ error, onRetry, inline = false }: { error: unknown; onRetry?: () => void; inline?: boolean }) {
  const problem = asProblem(error);
  const isAway = problem.code === "unreachable" && onRetry !== undefined;
  const retry = useRef(onRetry);
  retry.current = onRetry;
  useEffect(() => {
    if (!isAway) return;
    const timer = setInterval(() => retry.current?.(), LOOK_AGAIN);
    return () => clearInterval(timer);
  }, [isAway]);
  return (
    <div class={inline ? "state state-inline" : "state"} role="alert">
      <p class="state-title tone-bad">
        <Icon name="warn" />
        {sentence(problem.what)}
      </p>
      {problem.why && (
        <p class="state-text">
          {problem.why}
          {isAway && " The page looks again every few seconds."}
        </p>
      )}
      {problem.fix && <Command text={problem.fix} />}
      {onRetry && (
        <Button icon="retry" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** What the server says, as a heading. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A line to type. */
export function Command({ text }: { text: string }) {
  return (
    <span class="command">
      <code>{text}</code>
      <CopyButton text={text} />
    </span>
  );
}

export function asProblem(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  return { code: "internal", what: "The page failed", why: error instanceof Error ? error.message : String(error) };
}

import type { ErrorGroup } from "../api/types";
import { Icon } from "../parts/Icon";

/** Whether a run ended by it, or lived on. */
export function Kind({ kind }: { kind: ErrorGroup["kind"] }) {
  return (
    <span class={`error-kind error-kind-${kind}`}>
      <Icon name={kind === "run" ? "cross" : "warn"} />
      {kind === "run" ? "failed" : "logged"}
    </span>
  );
}

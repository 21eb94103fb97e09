import { count, plural } from "../../format/number";
import type { TimelineControl } from "./control";
import type { TraceLoader } from "./load";
import type { TraceStore } from "./store";

export interface SummaryProps {
  control: TimelineControl;
  store: TraceStore;
  loader: TraceLoader | null;
}

/** How much there is, how much of it is here, and how much of that is shown. */
export function Summary({ control, store, loader }: SummaryProps) {
  store.version.value;
  const totals = control.totals.value;
  const query = control.query?.state.value;
  const { loaded, remaining, state } = store.main;
  const rows = Math.max(0, (totals?.rows ?? 1) - 1);
  const known = loaded + remaining;
  return (
    <div class="tl-summary" role="status">
      {query?.state === "failed" && <span class="tl-failed">{query.problem}</span>}
      {query?.state === "searching" && <span>searching …</span>}
      {totals !== null && totals.matches !== null ? (
        <span>
          {count(totals.matches)} of {plural(rows, "row")} match
        </span>
      ) : (
        <span>{rows === 0 && state === "loaded" ? "nothing recorded in it" : plural(rows, "row")}</span>
      )}
      {state === "loading" && remaining > 0 && (
        <span class="tl-loading">
          <progress max={known} value={loaded} aria-label="Loaded" /> {count(loaded)} of {count(known)} loaded
        </span>
      )}
      {state === "partial" && (
        <span class="tl-partial">
          {count(loaded)} of {count(known)} loaded{partsOf(store)}{" "}
          <button type="button" class="text-button" onClick={() => void loader?.more()}>
            load more
          </button>
        </span>
      )}
      {loader !== null && loader.beside.reading.value > 0 && <span>reading what is inside …</span>}
      {loader !== null && loader.beside.problem.value !== "" && (
        <span class="tl-failed">{loader.beside.problem.value}</span>
      )}
      {state === "failed" && (
        <span class="tl-failed">
          {loader?.problem.value ?? ""}; {count(loaded)} rows loaded{" "}
          <button type="button" class="text-button" onClick={() => void loader?.start()}>
            try again
          </button>
        </span>
      )}
    </div>
  );
}

/** Which parts of a large run are here. */
function partsOf({ main }: TraceStore): string {
  if (main.tail === null) return "";
  const { beside, inside } = main;
  return beside.size + inside.size > 0
    ? ", from the start, the end and what was opened"
    : ", from the start and the end";
}

// What the inspector shows of a run: the selected span or log, or the run that a row stands for.
import { useMemo } from "preact/hooks";
import type { RunRow } from "../api/types";
import { visible } from "../format/ansi";
import { plural } from "../format/number";
import { toggled } from "../format/query";
import type { AttributeFilters } from "../parts/Attributes";
import { StatusBadge } from "../parts/Badge";
import { Button } from "../parts/Button";
import { Duration } from "../parts/Duration";
import { FactList } from "../parts/FactList";
import { Link } from "../parts/Link";
import { Empty, Loading } from "../parts/states";
import { Time } from "../parts/Time";
import { Told } from "../parts/Told";
import { useKeys } from "../state/keys";
import { isHere } from "../state/place";
import { select, selection } from "../state/selection";
import { navigate, params, runPath, setParams } from "../state/url";
import { Inspector } from "./inspector/Inspector";
import type { Shown } from "./model";

interface SelectedProps {
  shown: Shown;
  boxRef: { current: HTMLElement | null };
}

export function Selected({ shown, boxRef }: SelectedProps) {
  const { store, detail } = shown;
  store.version.value; // an open span has another event once it has ended
  const chosen = selection.value;
  const filters = useMemo(() => filtersOf(), []);
  if (chosen === null) return null;
  if ("event" in chosen) {
    return (
      <Inspector
        boxRef={boxRef}
        eventId={chosen.event}
        runId={detail.run.run_id}
        origin={store.origin}
        filters={filters}
        onSpan={(span) => select({ span })}
        onClose={close}
      />
    );
  }
  const row = store.rowOfSpan(chosen.span);
  const trace = row < 0 ? undefined : store.traceAt(row);
  if (trace !== undefined) return <AboutRun run={trace.run} isThis={trace === store.main} boxRef={boxRef} />;
  const eventId = row < 0 ? 0 : (store.rows.id[row] as number);
  if (eventId > 0) {
    return (
      <Inspector
        boxRef={boxRef}
        eventId={eventId}
        runId={detail.run.run_id}
        origin={store.origin}
        filters={filters}
        onSpan={(span) => select({ span })}
        onClose={close}
      />
    );
  }
  const isLoading = store.isLoading || shown.loader.beside.reading.value > 0;
  return <NotHere isLoading={isLoading} spanId={chosen.span} />;
}

/** The focus goes back to where one came from, and is not lost with the inspector. */
function close(): void {
  const isInside = document.activeElement?.closest(".pane") !== null;
  select(null);
  if (isInside) document.querySelector<HTMLElement>(".run-main :is([role=treegrid], [role=grid])")?.focus();
}

/** A value narrows the timeline; from there one goes on to all logs or all runs. */
function filtersOf(): AttributeFilters {
  return {
    onFilter: (term, out) =>
      setParams({ tab: null, filter: toggled(params.peek().get("filter") ?? "", term, out) }, "push"),
    ...(isHere("/logs") && {
      onSearch: (term, where) => navigate(`/${where}?q=${encodeURIComponent(term)}`),
    }),
  };
}

interface AboutRunProps {
  run: RunRow;
  isThis: boolean;
  boxRef: { current: HTMLElement | null };
}

/** A row of the tree that is a run: what one wants to know before going there. */
function AboutRun({ run, isThis, boxRef }: AboutRunProps) {
  const href = runPath(run.run_id);
  useKeys("Inspector", [{ key: "Escape", label: "Close the inspector", run: close }]);
  return (
    <aside class="inspector" aria-label="Inspector" tabIndex={-1} ref={boxRef}>
      <Button kind="quiet" icon="cross" label="Close the inspector (Esc)" class="inspector-close" onClick={close} />
      <header class="inspector-head">
        <h2>{visible(run.task)}</h2>
        <StatusBadge status={run.status} />
      </header>
      {run.error && (
        <p class="inspector-about tone-bad">
          <strong>{visible(run.error.type)}</strong>
          {run.error.message && `: ${visible(run.error.message)}`}
        </p>
      )}
      {!run.error && run.reason && (
        <p class="inspector-about soft">
          <Told text={run.reason} times={run.times} />
        </p>
      )}
      {!isThis && (
        <p class="inspector-about">
          <Link href={href}>Open this run</Link>
        </p>
      )}
      <div class="inspector-times">
        <FactList
          facts={[
            ["Run", <code key="run">{run.run_id}</code>, run.run_id],
            ["Created", <Time key="created" ms={run.created} form="precise" />],
            ["Queued", run.queue_time === null ? null : <Duration key="queued" ns={run.queue_time} />],
            ["Worked", run.started === null ? null : <Duration key="ran" ns={run.duration} since={run.started} />],
            ["Attempts", run.attempt > 0 ? String(run.attempt) : null],
            ["Queue", run.queue],
            ["Worker", run.worker],
            ["Version", run.code_version],
            ["Recorded", `${plural(run.spans, "span")}, ${plural(run.logs, "log")}`],
          ]}
        />
      </div>
    </aside>
  );
}

function NotHere({ isLoading, spanId }: { isLoading: boolean; spanId: string }) {
  if (isLoading) return <Loading what="Looking for the span" />;
  return (
    <Empty title="This span is not in this run">
      <p>
        Nothing here has the id <code>{spanId}</code>: it may belong to another run, or it was not kept.
      </p>
      <Button onClick={close}>Close</Button>
    </Empty>
  );
}

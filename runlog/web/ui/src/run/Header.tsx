// What happened, in one sentence, and the way to where.
import { useMemo } from "preact/hooks";
import { RunActions } from "../actions/RunActions";
import type { Cause as CauseOf, RunDetail, RunLink } from "../api/types";
import { visible } from "../format/ansi";
import { innermostOwn, readException } from "../format/exception";
import { statusLook } from "../format/status";
import { StatusBadge } from "../parts/Badge";
import { Button } from "../parts/Button";
import { CopyButton } from "../parts/CopyButton";
import { DataText } from "../parts/DataText";
import { useKeys } from "../state/keys";
import { select } from "../state/selection";
import { navigate, runPath } from "../state/url";
import { ExportMenu } from "./ExportMenu";
import { Facts } from "./Facts";
import type { Shown } from "./model";
import { Sentence } from "./Sentence";
import "./header.css";

export function Header({ shown }: { shown: Shown }) {
  const { detail } = shown;
  const { run } = detail;
  const look = statusLook(run.status);
  return (
    <header class={`run-header run-tone-${look.tone}`}>
      <div class="run-top">
        <h1 class="run-title">
          <span class="run-task" title={run.task}>
            {visible(run.task)}
          </span>
          <StatusBadge status={run.status} />
        </h1>
        <span class="run-id">
          <code>{run.run_id}</code>
          <CopyButton text={run.run_id} label="Copy the run's id" />
        </span>
        <span class="run-tools">
          <RunActions run={detail} />
          <Neighbours detail={detail} />
          <ExportMenu runId={run.run_id} />
        </span>
      </div>
      <Sentence detail={detail} />
      <Cause shown={shown} />
      <Facts detail={detail} />
    </header>
  );
}

/** The exception, and where in one's own code it came from: the cause without a click. */
function Cause({ shown }: { shown: Shown }) {
  const { detail } = shown;
  const exception = useMemo(() => readException(detail.exception), [detail.exception]);
  const { cause, run } = detail;
  const look = statusLook(run.status);
  if (look.tone !== "bad" || (exception === null && cause === null && run.error === null)) return null;
  const frame = exception && innermostOwn(exception);
  const type = exception?.type ?? run.error?.type.split(".").at(-1) ?? look.label;
  const message = exception?.message ?? run.error?.message ?? "";
  return (
    <div class="cause">
      <p class="cause-title">
        <strong>
          <DataText text={type} />
        </strong>
        {message !== "" && (
          <span class="cause-message">
            <DataText text={message} />
          </span>
        )}
      </p>
      {frame && (
        <p class="cause-frame">
          <span title={frame.file}>
            <DataText text={`${frame.place}:${frame.line}`} />
          </span>{" "}
          in {visible(frame.function)} <code>{visible(frame.source)}</code>
        </p>
      )}
      {cause && (
        <Button kind="danger" class="cause-jump" icon="right" onClick={() => jump(cause, shown)}>
          <span class="cut">
            Jump to {visible(type)} in {visible(cause.name)}
          </span>
        </Button>
      )}
    </div>
  );
}

const UNFILTERED = { tab: null, filter: null, errors: null, level: null };

/** To the span where it went wrong: in this run's tree, or in the run that failed below it. */
function jump(cause: CauseOf, { detail, store }: Shown): void {
  const isHere = cause.run_id === detail.run.run_id || store.rowOfSpan(cause.span_id) >= 0;
  if (isHere) select({ span: cause.span_id }, UNFILTERED);
  else navigate(`${runPath(cause.run_id)}?span=${cause.span_id}`);
}

function Neighbours({ detail: { previous, next } }: { detail: RunDetail }) {
  const go = (to: RunLink | null) => to && navigate(runPath(to.run_id));
  useKeys("Run", [
    { key: "[", label: "The run of this task before", run: () => void go(previous) },
    { key: "]", label: "The run of this task after", run: () => void go(next) },
  ]);
  return (
    <span class="run-neighbours">
      <Button
        kind="quiet"
        icon="left"
        label="The run of this task before ([)"
        disabled={!previous}
        onClick={() => void go(previous)}
      />
      <Button
        kind="quiet"
        icon="right"
        label="The run of this task after (])"
        disabled={!next}
        onClick={() => void go(next)}
      />
    </span>
  );
}

import { useEffect, useState } from "preact/hooks";
import { visible } from "../format/ansi";
import { count, plural } from "../format/number";
import { shortTime } from "../format/time";
import { Button } from "../parts/Button";
import { Dialog } from "../parts/Dialog";
import { Icon } from "../parts/Icon";
import { Link } from "../parts/Link";
import { Failed, Loading } from "../parts/states";
import { toast } from "../parts/toast";
import { serverNow } from "../state/clock";
import { navigate, runPath } from "../state/url";
import { Bulk, type BulkState, type Target } from "./bulk";
import { Reason } from "./CancelDialog";
import { actWords, resultWords } from "./words";
import "./actions.css";

interface BulkDialogProps extends Target {
  /** Closed; `isDone`: after it was done. */
  onClose: (isDone: boolean) => void;
}

export function BulkDialog({ onClose, ...target }: BulkDialogProps) {
  const [bulk] = useState(() => new Bulk(target));
  const [reason, setReason] = useState("");
  const state = bulk.state.value;
  const { act } = target;
  useEffect(() => void bulk.count(), [bulk]);
  useEffect(() => {
    if (state.step !== "done" || state.result.refused_total > 0) return;
    const [only, ...others] = state.result.run_ids;
    const open =
      only !== undefined && others.length === 0 ? { label: "Open it", run: () => navigate(runPath(only)) } : null;
    toast(resultWords(act, state.result), "good", open);
    onClose(true);
  }, [state]);
  const isWorking = state.step === "working";
  const close = () => {
    if (!isWorking) onClose(state.step === "done");
    else bulk.stop();
  };
  return (
    <Dialog
      title={`${act === "cancel" ? "Cancel" : "Replay"} ${target.runIds ? "the chosen runs" : "all runs that match"}`}
      onClose={close}
      actions={
        <>
          <Button onClick={close}>{isWorking ? "Stop here" : "Close"}</Button>
          {state.step === "ready" && state.runs > 0 && (
            <Button
              kind={act === "cancel" ? "danger" : "primary"}
              icon={act === "cancel" ? "stop" : "retry"}
              onClick={() => void bulk.start(reason.trim())}
            >
              {actWords(act, state.runs)}
            </Button>
          )}
        </>
      }
    >
      <Step state={state} target={target} onRetry={() => void bulk.count()} />
      {act === "cancel" && state.step === "ready" && state.runs > 0 && <Reason value={reason} onValue={setReason} />}
    </Dialog>
  );
}

interface StepProps {
  state: BulkState;
  target: Target;
  onRetry: () => void;
}

function Step({ state, target, onRetry }: StepProps) {
  switch (state.step) {
    case "counting":
      return <Loading what="Counting" />;
    case "ready":
      return <Ready state={state} target={target} />;
    case "working":
      return (
        <div class="act-progress" role="status">
          <progress aria-label="Done" max={state.of} value={state.done} />
          {count(state.done)} of {plural(state.of, "run")}
        </div>
      );
    case "done":
      return <Refused result={state.result} act={target.act} />;
    case "failed":
      return (
        <>
          {state.done > 0 && (
            <p class="act-words">{resultWords(target.act, { ...NONE, changed: state.done })} before it failed:</p>
          )}
          <Failed error={state.error} onRetry={onRetry} inline />
        </>
      );
  }
}

const NONE = { matched: 0, refused_total: 0 };

function Ready({ state, target }: { state: BulkState & { step: "ready" }; target: Target }) {
  const { act, runIds, query } = target;
  return (
    <>
      {runIds === null && <code class="act-query">{visible(query)}</code>}
      {state.changed && (
        <p class="act-note" role="alert">
          <Icon name="warn" />
          It is {plural(state.runs, "run")} by now: runs came or ended meanwhile. Nothing was changed.
        </p>
      )}
      {state.searchedTo !== null && (
        <p class="act-note">
          <Icon name="info" />
          Counted only back to {shortTime(state.searchedTo, serverNow())}. The server counts them all, and asks again if
          they are more.
        </p>
      )}
      {state.runs === 0 ? (
        <p>{act === "cancel" ? "No run that matches is still to end." : "No run matches."}</p>
      ) : act === "cancel" ? (
        <p class="act-words">
          {runIds === null
            ? `${plural(state.runs, "run")} of these ${state.runs === 1 ? "has" : "have"} not ended. `
            : ""}
          What is queued ends at once. What is executed gets its cancellation at its next await, and the runs that it
          waits for with it. {runIds === null ? "" : "What has ended stays as it is."}
        </p>
      ) : (
        <p class="act-words">
          {plural(state.runs, "new run")} {state.runs === 1 ? "is" : "are"} put into the queue, the oldest first, each
          with the payload, tags and options that it had, on the newest version of the code. Those whose payload lost
          its secrets when they ended are left out, and named.
        </p>
      )}
    </>
  );
}

function Refused({ result, act }: { result: Extract<BulkState, { step: "done" }>["result"]; act: Target["act"] }) {
  return (
    <>
      <p class="act-words">{resultWords(act, result)}:</p>
      <ul class="act-refused">
        {result.refused.map(([runId, why]) => (
          <li key={runId}>
            <Link href={runPath(runId)}>{runId}</Link>{" "}
            <span class="soft">{visible(why.replace(` of run ${runId}`, ""))}</span>
          </li>
        ))}
      </ul>
      {result.refused.length < result.refused_total && (
        <p class="soft">
          {count(result.refused.length)} of {count(result.refused_total)} are named.
        </p>
      )}
    </>
  );
}

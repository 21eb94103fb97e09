import { useState } from "preact/hooks";
import { post } from "../api/client";
import type { Canceled, RunDetail } from "../api/types";
import { visible } from "../format/ansi";
import { statusLook } from "../format/status";
import { StatusBadge } from "../parts/Badge";
import { Button } from "../parts/Button";
import { Dialog } from "../parts/Dialog";
import { Failed } from "../parts/states";
import { toast } from "../parts/toast";
import { useAct } from "./useAct";
import { cancelWords } from "./words";
import "./actions.css";

/** As long as the API takes it. */
const MOST_REASON = 2000;

export function CancelDialog({ detail, onClose }: { detail: RunDetail; onClose: () => void }) {
  const { run } = detail;
  const [reason, setReason] = useState("");
  const act = useAct();
  const isEnded = statusLook(run.status).ended;
  const cancel = () =>
    act.run(async () => {
      const path = `/api/runs/${encodeURIComponent(run.run_id)}/cancel`;
      const { canceled } = await post<Canceled>(path, { reason: reason.trim() || null });
      if (canceled) toast(`Cancellation of ${visible(run.task)} asked for`, "good");
      else toast(`${visible(run.task)} had ended already: nothing was changed`);
      onClose();
    });
  return (
    <Dialog
      title="Cancel this run?"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Let it go on</Button>
          <Button kind="danger" icon="stop" disabled={act.isBusy || isEnded} onClick={cancel}>
            {act.isBusy ? "Canceling…" : "Cancel the run"}
          </Button>
        </>
      }
    >
      <RunName detail={detail} />
      {isEnded ? (
        <p>It has ended meanwhile: there is nothing left to cancel.</p>
      ) : (
        cancelWords(detail).map((words) => (
          <p key={words} class="act-words">
            {visible(words)}
          </p>
        ))
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void cancel();
        }}
      >
        <Reason value={reason} onValue={setReason} />
      </form>
      {act.error !== null && <Failed error={act.error} inline />}
    </Dialog>
  );
}

export function RunName({ detail: { run } }: { detail: RunDetail }) {
  return (
    <p class="act-run">
      <strong>{visible(run.task)}</strong>
      <StatusBadge status={run.status} />
      <code class="faint cut">{run.run_id}</code>
    </p>
  );
}

/** Why it is canceled: the run shows it. */
export function Reason({ value, onValue }: { value: string; onValue: (value: string) => void }) {
  return (
    <label class="act-field">
      Reason, if you like: the run shows it
      <input
        class="field"
        type="text"
        maxLength={MOST_REASON}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </label>
  );
}

import { useState } from "preact/hooks";
import { postText } from "../api/client";
import type { Replayed, RunDetail } from "../api/types";
import { visible } from "../format/ansi";
import { bytes } from "../format/number";
import { statusLook } from "../format/status";
import { Button } from "../parts/Button";
import { Dialog } from "../parts/Dialog";
import { Failed } from "../parts/states";
import { toast } from "../parts/toast";
import { navigate, runPath } from "../state/url";
import { RunName } from "./CancelDialog";
import { dropDraft, PayloadEditor } from "./PayloadEditor";
import { useAct } from "./useAct";
import "./actions.css";

export function ReplayDialog({ detail, onClose }: { detail: RunDetail; onClose: () => void }) {
  const { run } = detail;
  const isEnded = statusLook(run.status).ended;
  // Until it ends, the queue has the payload whole.
  const isLost = detail.payload_scrubbed && isEnded;
  const [edits, setEdits] = useState(isLost);
  /** The payload as it was typed; null while it is no good. */
  const [text, setText] = useState<string | null>(null);
  const act = useAct();
  const mayGo = !act.isBusy && (!edits || text !== null);
  const replay = () =>
    act.run(async () => {
      const path = `/api/runs/${encodeURIComponent(run.run_id)}/replay`;
      const { run_id } = await postText<Replayed>(path, edits ? `{"payload":${text}}` : "{}");
      if (edits) dropDraft();
      toast(`Replay of ${visible(run.task)} is queued`, "good", {
        label: "Open it",
        run: () => navigate(runPath(run_id)),
      });
      onClose();
    });
  return (
    <Dialog
      title="Replay this run?"
      wide={edits}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button kind="primary" icon="retry" disabled={!mayGo} onClick={replay}>
            {act.isBusy ? "Queueing…" : "Replay"}
          </Button>
        </>
      }
    >
      <RunName detail={detail} />
      <p class="act-words">
        A new run of it is put into the queue {visible(run.queue)}, with the same tags and options, on the newest
        version of the code. {isEnded ? "This run stays as it is." : "This run goes on: both will run."}
      </p>
      <fieldset class="act-choice">
        <legend>Payload</legend>
        <label>
          <input type="radio" name="payload" checked={!edits} disabled={isLost} onChange={() => setEdits(false)} />
          <span>
            The same
            <span class="soft">{sameWords(detail, isLost)}</span>
          </span>
        </label>
        <label>
          <input type="radio" name="payload" checked={edits} onChange={() => setEdits(true)} />
          <span>Another</span>
        </label>
      </fieldset>
      {edits && <PayloadEditor detail={detail} onText={setText} onSubmit={() => void (mayGo && replay())} />}
      {act.error !== null && <Failed error={act.error} inline />}
    </Dialog>
  );
}

function sameWords({ payload_size: size }: RunDetail, isLost: boolean): string {
  if (isLost) return " is gone: its secrets, or what was too large, were removed when the run ended";
  return size === 0 ? ", which is none" : `, ${bytes(size)}`;
}

// What can be done with a run: cancel it while it goes on, run it once more.
import { useState } from "preact/hooks";
import type { RunDetail } from "../api/types";
import { statusLook } from "../format/status";
import { Button } from "../parts/Button";
import { lazy } from "../parts/lazy";
import { useKeys } from "../state/keys";
import { session } from "../state/session";
import { type Act, whyNot } from "./words";
import "./run-actions.css";

const CancelDialog = lazy(async () => (await import("./CancelDialog")).CancelDialog);
const ReplayDialog = lazy(async () => (await import("./ReplayDialog")).ReplayDialog);

export function RunActions({ run: detail }: { run: RunDetail }) {
  const [open, setOpen] = useState<Act | null>(null);
  const why = whyNot(session.value);
  const may = why === null && session.value !== null;
  const isEnded = statusLook(detail.run.status).ended;
  const ask = (act: Act) => may && setOpen(act);
  useKeys("Run", [
    ...(isEnded ? [] : [{ key: "C", label: "Cancel it", run: () => void ask("cancel") }]),
    { key: "R", label: "Replay it", run: () => void ask("replay") },
  ]);
  const close = () => setOpen(null);
  return (
    <>
      {!isEnded && (
        <Button
          icon="stop"
          kind="danger"
          class="run-action"
          label={why ?? "Cancel this run (C)"}
          disabled={!may}
          onClick={() => ask("cancel")}
        >
          <span>Cancel…</span>
        </Button>
      )}
      <Button
        icon="retry"
        class="run-action"
        label={why ?? "Run it once more (R)"}
        disabled={!may}
        onClick={() => ask("replay")}
      >
        <span>Replay…</span>
      </Button>
      {open === "cancel" && <CancelDialog detail={detail} onClose={close} />}
      {open === "replay" && <ReplayDialog detail={detail} onClose={close} />}
    </>
  );
}

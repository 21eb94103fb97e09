// What went in, what came out, and what the run says of itself while it runs.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client";
import type { RunDetail } from "../../api/types";
import { bytes } from "../../format/number";
import { statusLook } from "../../format/status";
import { Button } from "../../parts/Button";
import { Icon } from "../../parts/Icon";
import { Json } from "../../parts/Json";
import { Failed } from "../../parts/states";
import "./data-tab.css";

type Name = "payload" | "output" | "metadata";

export function DataTab({ detail }: { detail: RunDetail }) {
  const { run } = detail;
  const isEnded = statusLook(run.status).ended;
  const failed = isEnded && run.status !== "COMPLETED";
  return (
    <div class="data-tab">
      <Datum
        title="Payload"
        name="payload"
        detail={detail}
        none="Triggered without a payload."
        note={
          detail.payload_scrubbed
            ? "Secrets were taken out of it before it was stored. A replay needs them again: edit the payload there."
            : null
        }
      />
      <Datum
        title="Result"
        name="output"
        detail={detail}
        none={
          failed
            ? "No result: the run did not complete."
            : isEnded
              ? "The task returned nothing (None)."
              : "Not yet: the run has not ended."
        }
        note={null}
      />
      <Datum
        title="Metadata"
        name="metadata"
        detail={detail}
        none="The task set none. What it sets with ctx.metadata shows here at once."
        note={null}
      />
    </div>
  );
}

interface DatumProps {
  title: string;
  name: Name;
  detail: RunDetail;
  none: string;
  note: ComponentChildren;
}

function Datum({ title, name, detail, none, note }: DatumProps) {
  const value = detail[name];
  const size = detail[`${name}_size`];
  const isLeftOut = value === null && size > NULL_SIZE;
  return (
    <section class="datum" aria-label={title}>
      <header class="datum-head">
        <h2>{title}</h2>
        {size > 0 && value !== null && <span class="faint">{bytes(size)}</span>}
      </header>
      {note && (
        <p class="datum-note">
          <Icon name="info" />
          {note}
        </p>
      )}
      {isLeftOut ? (
        <Large runId={detail.run.run_id} name={name} size={size} title={title} />
      ) : value === null || value === undefined ? (
        <p class="datum-none">{none}</p>
      ) : (
        <Json value={value} label={title.toLowerCase()} />
      )}
    </section>
  );
}

/** Of `null` as JSON, which is not left out for its size. */
const NULL_SIZE = 4;

interface LargeProps {
  runId: string;
  name: Name;
  size: number;
  title: string;
}

/** Data that does not come with the run: it is read when it is asked for. */
function Large({ runId, name, size, title }: LargeProps) {
  const [state, setState] = useState<{ value?: unknown; error?: unknown; isLoading: boolean }>({ isLoading: false });
  useEffect(() => setState({ isLoading: false }), [runId, name, size]);
  const load = async () => {
    setState({ isLoading: true });
    try {
      const value = await get<unknown>(`/api/runs/${encodeURIComponent(runId)}/data`, { what: name });
      setState({ value, isLoading: false });
    } catch (error) {
      setState({ error, isLoading: false });
    }
  };
  if (state.value !== undefined) return <Json value={state.value} label={title.toLowerCase()} />;
  return (
    <div class="datum-large">
      {state.error !== undefined && <Failed error={state.error} inline />}
      <p class="soft">It is large, so it is read only when you ask for it.</p>
      <Button icon="download" disabled={state.isLoading} onClick={load}>
        {state.isLoading ? "Reading…" : `Show ${bytes(size)}`}
      </Button>
    </div>
  );
}

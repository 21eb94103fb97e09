// What went in, what came out, and what the run says of itself while it runs.
import { useEffect, useMemo, useState } from "preact/hooks";
import { get } from "../../api/client";
import type { RunDetail } from "../../api/types";
import { marksIn } from "../../format/marks";
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
        more={detail.payload_scrubbed ? " A replay needs it whole: edit the payload there." : ""}
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
      />
      <Datum
        title="Metadata"
        name="metadata"
        detail={detail}
        none="The task set none. What it sets with ctx.metadata shows here at once."
      />
    </div>
  );
}

interface DatumProps {
  title: string;
  name: Name;
  detail: RunDetail;
  none: string;
  /** What follows from it that something is missing. */
  more?: string;
}

function Datum({ title, name, detail, none, more = "" }: DatumProps) {
  const value = detail[name];
  const size = detail[`${name}_size`];
  const isLeftOut = value === null && size > NULL_SIZE;
  return (
    <section class="datum" aria-label={title}>
      <header class="datum-head">
        <h2>{title}</h2>
        {size > 0 && value !== null && <span class="faint">{bytes(size)}</span>}
      </header>
      <Missing value={value} more={more} />
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

/** In words what the marks in the data say. */
function Missing({ value, more }: { value: unknown; more: string }) {
  const marks = useMemo(() => marksIn(value), [value]);
  if (marks.size === 0 && more === "") return null;
  const words = [
    ...(marks.has("redacted") ? ["Secrets were taken out before it was stored."] : []),
    ...(marks.has("cut") ? ["It was larger than what is kept: the marks say what was left out."] : []),
    ...(marks.size === 0 ? ["Something of it was taken out or cut before it was stored."] : []),
  ];
  return (
    <p class="datum-note">
      <Icon name="info" />
      <span>
        {words.join(" ")}
        {more}
      </span>
    </p>
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
  if (state.value !== undefined) {
    return (
      <>
        <Missing value={state.value} more="" />
        <Json value={state.value} label={title.toLowerCase()} />
      </>
    );
  }
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

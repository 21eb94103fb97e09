// One span or log, whole: what it said, when, for how long, with what, and why it failed.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { isAbort } from "../../api/client";
import type { Comparison, EventDetail } from "../../api/types";
import { httpCall } from "../../format/http";
import { type AttributeFilters, Attributes } from "../../parts/Attributes";
import { Button } from "../../parts/Button";
import { Exception } from "../../parts/Exception";
import { Http } from "../../parts/Http";
import { Json } from "../../parts/Json";
import { Sql } from "../../parts/Sql";
import { Failed, Loading } from "../../parts/states";
import { useKeys } from "../../state/keys";
import { Head, Message } from "./Head";
import { Identity, Links, SpanEvents, Triggered } from "./Relations";
import { apiSource, type InspectorSource, useEvent } from "./source";
import { Times } from "./Times";
import { missingWords } from "./words";
import "./inspector.css";

export interface InspectorProps {
  eventId: number;
  /** The run that is shown around it: links within it select, others lead to their run. */
  runId?: string | undefined;
  /** When that run was created, milliseconds since 1970: times count from it. */
  origin?: number | undefined;
  source?: InspectorSource;
  filters?: AttributeFilters | undefined;
  /** Select a span of the same run. */
  onSpan?: ((spanId: string) => void) | undefined;
  onClose?: (() => void) | undefined;
  /** The element, for who wants to move the focus into it. */
  boxRef?: { current: HTMLElement | null };
}

export function Inspector(props: InspectorProps) {
  const { eventId, source = apiSource, onClose } = props;
  const { detail, error, stale, retry } = useEvent(eventId, source);
  const own = useRef<HTMLElement>(null);
  const box = props.boxRef ?? own;
  useKeys("Inspector", [
    ...(onClose ? [{ key: "Escape", label: "Close the inspector", run: onClose }] : []),
    { key: "i", label: "Into the inspector", run: () => box.current?.focus() },
  ]);
  useEffect(() => {
    box.current?.scrollTo(0, 0);
  }, [detail?.id, box]);
  return (
    <aside class="inspector" aria-label="Inspector" aria-busy={stale} tabIndex={-1} ref={box}>
      {onClose && (
        <Button kind="quiet" icon="cross" label="Close the inspector (Esc)" class="inspector-close" onClick={onClose} />
      )}
      {error !== null ? (
        <Failed error={error} onRetry={retry} inline />
      ) : detail === null ? (
        <Loading what="Reading it" />
      ) : (
        <Body key={detail.id} detail={detail} {...props} source={source} />
      )}
    </aside>
  );
}

function Body({ detail, source, runId, origin, filters, onSpan }: InspectorProps & BodyProps) {
  const comparison = useComparison(detail, source);
  const call = useMemo(() => httpCall(detail.attributes), [detail]);
  const sql = textOf(detail, "db.query.text") ?? textOf(detail, "db.statement");
  const truncated = useMemo(() => new Map(detail.truncated), [detail]);
  const missing = missingWords(detail);
  return (
    <>
      <Head detail={detail} />
      <Message detail={detail} />
      {detail.exception !== null && (
        <Section title="Exception" first>
          <Exception data={detail.exception} />
        </Section>
      )}
      <Times detail={detail} origin={origin} comparison={comparison} />
      {call && (
        <Section title="HTTP">
          <Http call={call} />
        </Section>
      )}
      {sql && (
        <Section title="Query">
          <Sql text={sql} />
        </Section>
      )}
      {detail.attributes.length > 0 && (
        <Section title="Attributes">
          <Attributes
            label="Attributes"
            attributes={detail.attributes}
            terms={detail.terms}
            truncated={truncated}
            filters={filters}
          />
        </Section>
      )}
      {detail.result !== null && detail.result !== undefined && (
        <Section title="Result">
          <Json value={detail.result} label="result" />
        </Section>
      )}
      <SpanEvents detail={detail} origin={origin} />
      <Triggered runs={detail.triggered} total={detail.triggered_total} runId={detail.run_id} />
      <Links links={detail.links} runId={runId} onSpan={onSpan} />
      {missing.length > 0 && (
        <Section title="Not kept">
          {missing.map((line) => (
            <p key={line} class="data-note">
              {line}
            </p>
          ))}
        </Section>
      )}
      <Identity detail={detail} runId={runId} onSpan={onSpan} />
    </>
  );
}

interface BodyProps {
  detail: EventDetail;
  source: InspectorSource;
}

export function Section({ title, first = false, children }: SectionProps) {
  return (
    <section class={first ? "inspector-section inspector-first" : "inspector-section"}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

interface SectionProps {
  title: string;
  first?: boolean;
  children: ComponentChildren;
}

/** Fetched after the event itself: it is the slower one, and less is lost without it. */
function useComparison(detail: EventDetail, source: InspectorSource): Comparison | null {
  const [comparison, setComparison] = useState<Comparison | null>(null);
  useEffect(() => {
    if (detail.kind !== "span") return;
    const control = new AbortController();
    source
      .comparison(detail.id, control.signal)
      .then(setComparison)
      .catch((error: unknown) => {
        if (!isAbort(error)) setComparison(null); // the duration stands without it
      });
    return () => control.abort();
  }, [detail, source]);
  return comparison;
}

function textOf(detail: EventDetail, key: string): string | null {
  const value = detail.attributes.find(([name]) => name === key)?.[1];
  return typeof value === "string" && value !== "" ? value : null;
}

// What a span has to do with others: events in it, links, runs that it triggered, ids.
import { useState } from "preact/hooks";
import type { EventDetail, RunLink, SpanEvent, SpanLink } from "../../api/types";
import { visible } from "../../format/ansi";
import { count, plural } from "../../format/number";
import { termOf } from "../../format/query";
import { Attributes } from "../../parts/Attributes";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/CopyButton";
import { FactList } from "../../parts/FactList";
import { Icon } from "../../parts/Icon";
import { Link } from "../../parts/Link";
import { Time } from "../../parts/Time";
import { runPath } from "../../state/url";
import { RunLine } from "../RunLine";
import { Section } from "./Inspector";
import { sinceStart } from "./words";

/** Runs of a list that are shown before one asks for the rest. */
const FEW = 10;

export function SpanEvents({ detail, origin }: { detail: EventDetail; origin: number | undefined }) {
  const events = detail.events.filter((event) => !(detail.exception !== null && isOnlyException(event)));
  if (events.length === 0) return null;
  return (
    <Section title="Events">
      <ol class="span-events">
        {events.map((event, at) => (
          <li key={`${at} ${event.name}`}>
            <p class="span-event">
              <strong>{visible(event.name)}</strong>
              <Time ms={event.time} text={event.time_text} form="precise" />
              {origin !== undefined && <span class="faint number">{sinceStart(event.time, origin)}</span>}
            </p>
            <Attributes label={`Attributes of ${event.name}`} attributes={event.attributes} />
          </li>
        ))}
      </ol>
    </Section>
  );
}

/** An exception is shown as itself; its event says nothing more. */
function isOnlyException(event: SpanEvent): boolean {
  return event.name === "exception" && event.attributes.length === 0;
}

interface TriggeredProps {
  runs: RunLink[];
  /** How many there are; not all may have come. */
  total: number;
  runId: string | null;
}

export function Triggered({ runs, total, runId }: TriggeredProps) {
  const [all, setAll] = useState(false);
  if (runs.length === 0) return null;
  const shown = all ? runs : runs.slice(0, FEW);
  return (
    <Section title={total === 1 ? "Triggered run" : `Triggered ${plural(total, "run")}`}>
      <ul class="run-links">
        {shown.map((run) => (
          <li key={run.run_id}>
            <RunLine run={run} />
          </li>
        ))}
      </ul>
      {shown.length < runs.length && (
        <Button kind="quiet" onClick={() => setAll(true)}>
          {plural(runs.length - shown.length, "more run")}
        </Button>
      )}
      {shown.length === runs.length && runs.length < total && (
        <p class="faint">
          {count(runs.length)} of {count(total)} shown.{" "}
          {runId !== null && (
            <Link href={`/runs?q=${encodeURIComponent(termOf("run.parent", runId))}`}>All of this run</Link>
          )}
        </p>
      )}
    </Section>
  );
}

interface LinksProps {
  links: SpanLink[];
  runId: string | undefined;
  onSpan: ((spanId: string) => void) | undefined;
}

export function Links({ links, runId, onSpan }: LinksProps) {
  if (links.length === 0) return null;
  return (
    <Section title={links.length === 1 ? "Link" : "Links"}>
      <ul class="run-links">
        {links.map((link, at) => (
          <li key={`${at} ${link.span_id}`}>
            <LinkLine link={link} runId={runId} onSpan={onSpan} />
            <Attributes label="Attributes of the link" attributes={link.attributes} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

function LinkLine({ link, runId, onSpan }: { link: SpanLink } & Omit<LinksProps, "links">) {
  if (link.run_id === null) {
    return (
      <p class="run-link">
        <Icon name="link" />
        <span class="soft">a span that is not in this log</span>
        <code class="faint cut">{link.span_id}</code>
        <CopyButton text={`${link.trace_id}-${link.span_id}`} label="Copy the ids of its trace and span" />
      </p>
    );
  }
  if (link.run_id === runId && onSpan) {
    return (
      <Button kind="quiet" icon="link" onClick={() => onSpan(link.span_id)}>
        a span of this run
      </Button>
    );
  }
  return (
    <Link href={`${runPath(link.run_id)}?span=${link.span_id}`} class="run-link">
      <Icon name="link" />
      <span class="cut">{visible(link.task ?? "a run")}</span>
      <span class="faint mono">{link.run_id.slice(-6)}</span>
    </Link>
  );
}

interface IdentityProps {
  detail: EventDetail;
  /** The run that is shown around it: it needs no link. */
  runId: string | undefined;
  onSpan: ((spanId: string) => void) | undefined;
}

export function Identity({ detail, runId, onSpan }: IdentityProps) {
  const parent = detail.parent_id;
  return (
    <Section title="Identity">
      <FactList
        facts={[
          ["Run", runId === undefined ? runLink(detail) : null, detail.run_id ?? ""],
          [detail.kind === "log" ? "In span" : "Parent", parentLink(parent, onSpan), parent ?? ""],
          ["Span", code(detail.span_id), detail.span_id ?? ""],
          ["Trace", code(detail.trace_id), detail.trace_id ?? ""],
          ["Event", code(String(detail.id)), String(detail.id)],
          ["Kind", detail.otel_kind],
          ["Scope", detail.scope],
        ]}
      />
    </Section>
  );
}

function runLink({ run_id, id, task }: EventDetail) {
  if (run_id === null) return null;
  return (
    <Link href={`${runPath(run_id)}?event=${id}`} class="cut" title={run_id}>
      {visible(task ?? run_id)}: there in its run
    </Link>
  );
}

function code(text: string | null) {
  return text === null ? null : <code>{visible(text)}</code>;
}

function parentLink(parent: string | null, onSpan: IdentityProps["onSpan"]) {
  if (parent === null || onSpan === undefined) return code(parent);
  return (
    <button type="button" class="text-button mono" onClick={() => onSpan(parent)}>
      {parent}
    </button>
  );
}

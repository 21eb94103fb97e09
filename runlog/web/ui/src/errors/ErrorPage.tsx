// One kind of error: what it is, when it came, and where to look at it.
import { useEffect, useMemo } from "preact/hooks";
import { ApiError } from "../api/client";
import type { ErrorDetail, ErrorGroup, Occurrence } from "../api/types";
import { visible } from "../format/ansi";
import { count, plural } from "../format/number";
import { termOf } from "../format/query";
import { ALL, between, type Range } from "../format/range";
import { shortTime } from "../format/time";
import { StatusBadge } from "../parts/Badge";
import { DataText } from "../parts/DataText";
import { Exception } from "../parts/Exception";
import { Histogram } from "../parts/Histogram";
import { Icon } from "../parts/Icon";
import { Link } from "../parts/Link";
import { Empty, Failed, Loading } from "../parts/states";
import { Time } from "../parts/Time";
import { TimeRange } from "../parts/TimeRange";
import { serverNow } from "../state/clock";
import { Following } from "../state/following";
import { useKeys } from "../state/keys";
import { usePageTitle } from "../state/title";
import { navigate, params, runPath, setParams } from "../state/url";
import { Kind } from "./Kind";
import { errorsRange, rangeParams } from "./range";
import { timeAsked } from "./view";

export function ErrorPage({ fingerprint }: { fingerprint: string }) {
  const q = params.value.get("q") ?? "";
  const range = errorsRange(params.value);
  const view = useMemo(() => {
    const path = `/api/errors/${encodeURIComponent(fingerprint)}`;
    return new Following((source, signal) => source.get<ErrorDetail>(path, timeAsked(q, range), signal));
  }, [fingerprint, q, range.from, range.to]);
  useEffect(() => {
    view.start();
    return () => view.pause();
  }, [view]);
  const detail = view.answer.value;
  const failure = view.failure.value;
  usePageTitle(detail ? visible(shortType(detail.group)) : null);
  useKeys("Error", [
    { key: "Escape", label: "Back to all errors", run: () => navigate(backPath(fingerprint)) },
    { key: "r", label: "Load again", run: () => view.reload() },
  ]);
  if (detail === null) {
    if (failure === null) return <Loading what="Opening the error" />;
    if (failure instanceof ApiError && failure.status === 404)
      return <Gone hasRange={(range.from ?? range.to) !== null} />;
    return <Failed error={failure} onRetry={() => view.reload()} />;
  }
  return (
    <div class="error-page">
      <Head detail={detail} range={range} q={q} />
      {failure !== null && <Failed error={failure} onRetry={() => view.reload()} inline />}
      <Over detail={detail} />
      <div class="error-columns">
        <section class="error-exception" aria-labelledby="error-exception">
          <h2 id="error-exception">The newest one</h2>
          {detail.exception ? (
            <Exception data={detail.exception} />
          ) : (
            <p class="soft">It has no traceback: it was not raised by the code of the task.</p>
          )}
        </section>
        <Occurrences detail={detail} />
      </div>
    </div>
  );
}

function Head({ detail: { group, searched_to }, range, q }: { detail: ErrorDetail; range: Range; q: string }) {
  return (
    <header class="error-head">
      <div class="error-top">
        <Link href={backPath(group.fingerprint)} class="error-back" title="Back to all errors (Esc)">
          <Icon name="left" label="Back to all errors" />
        </Link>
        <h1 title={visible(group.type)}>{visible(shortType(group))}</h1>
        <Kind kind={group.kind} />
        <TimeRange range={range} onRange={(next) => setParams(rangeParams(next), "push")} />
      </div>
      <p class="error-message">
        <DataText text={group.message} />
      </p>
      <ul class="error-facts">
        <li>
          <b>{plural(group.count, "time")}</b>
        </li>
        <li>
          in <b>{plural(group.runs, "run")}</b>
        </li>
        <li>
          first <Time ms={group.first} />
        </li>
        <li>
          last <Time ms={group.last} form="ago" />
        </li>
        <li>
          {group.tasks.length === 1 ? "task" : "tasks"}{" "}
          {group.tasks.map((task) => (
            <Link key={task} href={`/runs?q=${encodeURIComponent(termOf("task", task))}`}>
              {visible(task)}
            </Link>
          ))}
        </li>
        {group.kind === "run" && (
          <li>
            <Link href={`/runs?q=${encodeURIComponent(termOf("run.error", group.type))}`}>all runs with this type</Link>
          </li>
        )}
        {q !== "" && (
          <li>
            of <code>{visible(q)}</code>{" "}
            <button type="button" class="text-button" onClick={() => setParams({ q: null }, "push")}>
              of all
            </button>
          </li>
        )}
        {searched_to !== null && <li class="tone-attention">searched back to {shortTime(searched_to, serverNow())}</li>}
      </ul>
    </header>
  );
}

const SERIES = [{ key: "errors", label: "errors", color: "--fill-error" }];

function Over({ detail: { group, start, end } }: { detail: ErrorDetail }) {
  const width = (end - start) / Math.max(1, group.spark.length);
  const data = useMemo(
    () => ({
      start,
      end,
      width,
      buckets: group.spark.flatMap((errors, at) =>
        errors > 0 ? [{ time: start + at * width, counts: { errors } }] : [],
      ),
    }),
    [group, start, end, width],
  );
  return (
    <Histogram
      data={data}
      series={SERIES}
      unit="errors"
      onZoom={(from, to) => setParams(rangeParams(between(from, to)), "push")}
      onSeries={() => undefined}
    />
  );
}

function Occurrences({ detail: { group, occurrences } }: { detail: ErrorDetail }) {
  return (
    <section class="error-times" aria-labelledby="error-times">
      <h2 id="error-times">
        {occurrences.length < group.count
          ? `The last ${count(occurrences.length)} of ${count(group.count)}`
          : group.count === 1
            ? "Where it was"
            : `All ${count(group.count)}`}
      </h2>
      <ol>
        {occurrences.map((one, at) => (
          <li key={`${one.event_id ?? at} ${one.time}`}>
            <Where one={one} />
            <Time ms={one.time} form="precise" />
            {one.message !== group.message && (
              <p class="soft cut" title={visible(one.message)}>
                <DataText text={one.message} />
              </p>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Where({ one: { run, event_id } }: { one: Occurrence }) {
  if (run === null) return <span class="soft">outside of runs</span>;
  const at = event_id === null ? "" : `?event=${event_id}`;
  return (
    <Link href={`${runPath(run.run_id)}${at}`} class="error-run" title={`To where it happened in ${run.run_id}`}>
      <StatusBadge status={run.status} compact />
      <span class="cut">{visible(run.task)}</span>
      <code class="faint">{run.run_id.slice(-6)}</code>
    </Link>
  );
}

function Gone({ hasRange }: { hasRange: boolean }) {
  return (
    <Empty title={hasRange ? "No error of this kind in this time" : "There is no error of this kind"}>
      <p class="state-actions">
        {hasRange && (
          <button type="button" class="button" onClick={() => setParams(rangeParams(ALL), "push")}>
            Look in all time
          </button>
        )}
        <Link href="/errors">All errors</Link>
      </p>
    </Empty>
  );
}

function shortType({ type }: ErrorGroup): string {
  return type.split(".").at(-1) || type;
}

/** The list, with the time and the query that lead here, at this kind. */
function backPath(fingerprint: string): string {
  const kept = new URLSearchParams(params.peek());
  kept.set("selected", fingerprint);
  return `/errors?${kept}`;
}

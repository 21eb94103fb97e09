// The cells of the runs list.
import type { ComponentChildren } from "preact";
import type { RunRow } from "../api/types";
import { visible } from "../format/ansi";
import { duration, exactDuration } from "../format/duration";
import { jsonText } from "../format/json";
import { count } from "../format/number";
import { termOf } from "../format/query";
import { statusLook } from "../format/status";
import { StatusBadge } from "../parts/Badge";
import { Icon } from "../parts/Icon";
import { Link } from "../parts/Link";
import { Time } from "../parts/Time";
import { now } from "../state/clock";
import { runPath } from "../state/url";
import { barOf, times } from "./bars";
import { isData } from "./columns";
import { detailOf } from "./reason";

export interface CellContext {
  /** What fills the column of durations, in nanoseconds. */
  scale: number;
  onTerm: (term: string, out: boolean) => void;
}

type Cell = (run: RunRow, context: CellContext) => ComponentChildren;

const CELLS: Record<string, Cell> = {
  status: (run) => <StatusBadge status={run.status} />,
  task: (run) => (
    <Link href={runPath(run.run_id)} class="cut runs-task" title={`${run.task}\n${run.run_id}`}>
      {visible(run.task)}
    </Link>
  ),
  started: (run) => <Started run={run} />,
  duration: (run, { scale }) => <Length run={run} scale={scale} />,
  attempt: (run) =>
    run.attempt > 0 && <span class={run.attempt > 1 ? "number tone-attention" : "number"}>{run.attempt}</span>,
  issues: (run) => <Issues run={run} />,
  tags: (run, { onTerm }) => (
    <span class="tags" title={run.tags.join("\n")}>
      {run.tags.map((tag) => (
        <Tag key={tag} tag={tag} onTerm={onTerm} />
      ))}
    </span>
  ),
  version: (run) => <Code text={run.code_version} />,
  detail: (run) => <Happened run={run} />,
  run: (run) => (
    <Link href={runPath(run.run_id)} class="cut mono">
      {run.run_id}
    </Link>
  ),
  queue: (run) => <Text text={run.queue} />,
  queue_time: (run) => <QueueTime run={run} />,
  created: (run) => <Time ms={run.created} form="ago" />,
  ended: (run) => run.ended !== null && <Time ms={run.ended} form="ago" />,
  spans: (run) => <span class="number">{count(run.spans)}</span>,
  logs: (run) => <span class="number">{count(run.logs)}</span>,
  worker: (run) => <Code text={run.worker} />,
  concurrency_key: (run) => <Code text={run.concurrency_key ?? null} />,
  parent: (run) =>
    run.parent_run_id && (
      <Link href={runPath(run.parent_run_id)} class="cut mono">
        {run.parent_run_id}
      </Link>
    ),
  schedule: (run) => <Code text={run.schedule_id ?? null} />,
  batch: (run) => <Code text={run.batch_id ?? null} />,
};

export function cellOf(id: string, run: RunRow, context: CellContext): ComponentChildren {
  if (isData(id)) return <Code text={dataText(run, id)} />;
  return CELLS[id]?.(run, context);
}

function dataText(run: RunRow, id: string): string | null {
  const pair = run.columns?.find(([key]) => key === id);
  if (pair === undefined) return null;
  return typeof pair[1] === "string" ? pair[1] : jsonText(pair[1], 0);
}

function Text({ text }: { text: string | null }) {
  return text === null ? null : (
    <span class="cut" title={text}>
      {visible(text)}
    </span>
  );
}

function Code({ text }: { text: string | null }) {
  return text === null ? null : (
    <span class="cut mono" title={text}>
      {visible(text)}
    </span>
  );
}

function Started({ run }: { run: RunRow }) {
  if (run.started !== null) return <Time ms={run.started} form="ago" />;
  return (
    <span class="faint">
      <Time ms={run.created} form="ago" />
    </span>
  );
}

function QueueTime({ run }: { run: RunRow }) {
  const { queue } = times(run, run.started === null && run.ended === null ? now.value : 0);
  return (
    <span class="number" title={exactDuration(queue)}>
      {duration(queue)}
    </span>
  );
}

/** A bar of the time in the queue and the time at work; beside it, in figures, how long it ran or waits. */
function Length({ run, scale }: { run: RunRow; scale: number }) {
  const clock = run.ended === null ? now.value : 0;
  const { queue, work } = times(run, clock);
  if (work === null && queue === 0) return null; // its time has not come
  const bar = barOf(run, scale, clock);
  const title = `in the queue ${duration(queue)}${work === null ? "" : `, then ${duration(work)}`}`;
  return (
    <>
      <span class={`length${bar.running ? " length-running" : ""}${bar.cut ? " length-cut" : ""}`} title={title}>
        <i class="length-queue" style={{ width: `${bar.queue * 100}%` }} />
        <i class="length-work" style={{ width: `${bar.work * 100}%`, background: `var(${fillOf(run.status)})` }} />
      </span>
      <span class={work === null ? "number faint" : "number"} title={title}>
        {clock ? passing(work ?? queue) : duration(work ?? queue)}
      </span>
    </>
  );
}

/** What still grows, each second: finer than that would be noise. */
function passing(nanoseconds: number): string {
  const seconds = Math.floor(nanoseconds / 1e9);
  return seconds < 60 ? `${seconds} s` : duration(seconds * 1e9);
}

/** The colour of a state as an area. */
export function fillOf(status: RunRow["status"]): string {
  return statusLook(status).color.replace("--state-", "--fill-");
}

function Issues({ run }: { run: RunRow }) {
  return (
    <>
      <span class="issue level-error">
        {run.errors > 0 && (
          <>
            <Icon name="cross" label="errors" size={12} />
            {count(run.errors)}
          </>
        )}
      </span>
      <span class="issue level-warn">
        {run.warnings > 0 && (
          <>
            <Icon name="warn" label="warnings" size={12} />
            {count(run.warnings)}
          </>
        )}
      </span>
    </>
  );
}

function Tag({ tag, onTerm }: { tag: string; onTerm: CellContext["onTerm"] }) {
  return (
    <button
      type="button"
      class="tag"
      tabIndex={-1}
      title={`${tag}\nOnly these; with Alt: without them`}
      onClick={(event) => {
        event.stopPropagation();
        onTerm(termOf("tag", tag), event.altKey);
      }}
    >
      {visible(tag)}
    </button>
  );
}

export function Happened({ run }: { run: RunRow }) {
  const detail = detailOf(run, run.ended === null ? now.value : 0);
  if (!detail) return null;
  return (
    <span class="cut happened" title={detail.type ? `${detail.type}: ${detail.text}` : detail.text}>
      {detail.type && <b class="tone-bad">{visible(detail.type.split(".").at(-1) ?? "")}</b>} {visible(detail.text)}
    </span>
  );
}

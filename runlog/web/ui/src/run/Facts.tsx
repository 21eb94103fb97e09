// The line below the sentence: when, how long in the queue and at work, where, and what it has to do with other runs.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, isAbort } from "../api/client";
import type { RunDetail, RunLink, RunsPage } from "../api/types";
import { visible } from "../format/ansi";
import { count, plural } from "../format/number";
import { termOf } from "../format/query";
import { CopyButton } from "../parts/CopyButton";
import { Duration } from "../parts/Duration";
import { Link } from "../parts/Link";
import { Popover } from "../parts/Popover";
import { Failed, Loading } from "../parts/states";
import { Time } from "../parts/Time";
import { runPath } from "../state/url";
import { RunLine } from "./RunLine";

export function Facts({ detail }: { detail: RunDetail }) {
  const { run } = detail;
  return (
    <ul class="run-facts" aria-label="About this run">
      <li class="run-fact run-fact-id">
        <code>{run.run_id}</code>
        <CopyButton text={run.run_id} label="Copy the run's id" />
      </li>
      <Fact name="created">
        <Time ms={run.created} text={detail.created_text} />
      </Fact>
      {run.status !== "DELAYED" && (
        <Fact name="queued">
          <Duration
            ns={run.started === null && run.ended === null ? null : run.queue_time}
            since={waitsSince(detail)}
          />
        </Fact>
      )}
      {run.started !== null && (
        <Fact name="ran">
          <Duration ns={run.ended === null ? null : run.duration} since={run.started} />
        </Fact>
      )}
      {run.attempt > 1 && <Fact name="attempts">{count(run.attempt)}</Fact>}
      <Fact name="queue">
        <Link href={runsWith("queue", run.queue)}>{visible(run.queue)}</Link>
        {run.concurrency_key && <span class="soft"> key {visible(run.concurrency_key)}</span>}
      </Fact>
      {run.code_version && (
        <Fact name="version">
          <Link href={runsWith("run.version", run.code_version)}>{visible(run.code_version)}</Link>
        </Fact>
      )}
      {run.worker && <Fact name="worker">{visible(run.worker)}</Fact>}
      {run.tags.length > 0 && (
        <Fact name="tags">
          {run.tags.map((tag) => (
            <Link key={tag} class="run-tag" title={tag} href={runsWith("tag", tag)}>
              {visible(tag)}
            </Link>
          ))}
        </Fact>
      )}
      <Family detail={detail} />
    </ul>
  );
}

/** Since when it waits for its first attempt; null once that has begun. */
function waitsSince({ run }: RunDetail): number | null {
  if (run.started !== null || run.ended !== null) return null;
  return Math.max(run.created, run.available ?? 0);
}

function Family({ detail }: { detail: RunDetail }) {
  const { run, parent, root, children, replays } = detail;
  return (
    <>
      {parent && (
        <Fact name="parent">
          <RunLine run={parent} query={run.parent_span_id ? `?span=${run.parent_span_id}` : ""} />
        </Fact>
      )}
      {root && root.run_id !== parent?.run_id && root.run_id !== run.run_id && (
        <Fact name="root">
          <RunLine run={root} />
        </Fact>
      )}
      {children > 0 && (
        <Fact name="">
          <Popover text={plural(children, "child run")} title="Child runs" kind="quiet" class="run-more">
            {() => <Children runId={run.run_id} total={children} />}
          </Popover>
        </Fact>
      )}
      {run.replay_of && (
        <Fact name="replay of">
          <Link href={runPath(run.replay_of)}>
            <code>{run.replay_of.slice(-6)}</code>
          </Link>
        </Fact>
      )}
      {replays.length > 0 && (
        <Fact name="">
          <Popover text={plural(replays.length, "replay")} title="Replays of this run" kind="quiet" class="run-more">
            {() => <RunLines runs={replays} />}
          </Popover>
        </Fact>
      )}
    </>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <li class="run-fact">
      {name && <span class="run-fact-name">{name}</span>}
      {children}
    </li>
  );
}

function RunLines({ runs }: { runs: RunLink[] }) {
  return (
    <ul class="run-links run-menu">
      {runs.map((run) => (
        <li key={run.run_id}>
          <RunLine run={run} />
        </li>
      ))}
    </ul>
  );
}

/** Read when the list is opened. */
function Children({ runId, total }: { runId: string; total: number }) {
  const [state, setState] = useState<{ page: RunsPage | null; error: unknown }>({ page: null, error: null });
  useEffect(() => {
    const control = new AbortController();
    get<RunsPage>(`/api/runs/${encodeURIComponent(runId)}/children`, {}, control.signal).then(
      (page) => setState({ page, error: null }),
      (error: unknown) => {
        if (!isAbort(error)) setState({ page: null, error });
      },
    );
    return () => control.abort();
  }, [runId]);
  if (state.error !== null) return <Failed error={state.error} inline />;
  if (state.page === null) return <Loading what="Reading" />;
  const shown = state.page.items.length;
  return (
    <>
      <RunLines runs={state.page.items} />
      {shown < total && (
        <p class="faint run-menu-note">
          {count(shown)} of {count(total)} shown.{" "}
          <Link href={`/runs?q=${encodeURIComponent(termOf("run.parent", runId))}`}>All</Link>
        </p>
      )}
    </>
  );
}

function runsWith(key: string, value: string): string {
  return `/runs?q=${encodeURIComponent(termOf(key, value))}`;
}

// Where and how the run ran, and what is not in its record.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, isAbort } from "../../api/client";
import type { Loss, Plugin, RunContext, RunDetail, Worker } from "../../api/types";
import { visible } from "../../format/ansi";
import { count } from "../../format/number";
import { iso } from "../../format/time";
import { Attributes } from "../../parts/Attributes";
import { DataText } from "../../parts/DataText";
import { type Fact, FactList } from "../../parts/FactList";
import { Icon } from "../../parts/Icon";
import { Link } from "../../parts/Link";
import { Failed, Loading } from "../../parts/states";
import { Time } from "../../parts/Time";
import { Told } from "../../parts/Told";
import { pluginTone } from "../../plugins/state";
import "./context.css";

export function ContextTab({ detail }: { detail: RunDetail }) {
  const { run } = detail;
  const { context, error, retry } = useContextOf(run.run_id, run.version);
  return (
    <div class="context">
      {context && <Losses losses={context.losses} />}
      <Card title="Run">
        <FactList
          facts={[
            ["Task", run.task],
            ["Run id", run.run_id, run.run_id],
            ["Trace id", run.trace_id, run.trace_id ?? ""],
            ["Attempts", run.attempt > 0 ? String(run.attempt) : null],
            ["Why", run.reason && <Told key="why" text={run.reason} times={run.times} />],
            ["Tags", run.tags.length > 0 ? run.tags.join(", ") : null],
            ["Schedule", run.schedule_id],
            ["Batch", run.batch_id],
          ]}
        />
        {detail.facts.map((fact) => (
          <p key={fact} class="soft">
            <Told text={fact} times={detail.times} />
          </p>
        ))}
      </Card>
      <Card title="Times">
        <FactList
          facts={[
            moment("Created", run.created, detail.created_text),
            moment("Available", run.available, null),
            moment("Started", run.started, detail.started_text),
            moment("Ended", run.ended, detail.ended_text),
            moment("Changed", run.changed, null),
          ]}
        />
      </Card>
      {detail.options.length > 0 && (
        <Card title="Asked for at the trigger">
          <Attributes label="Options" attributes={detail.options} />
        </Card>
      )}
      {error !== null && <Failed error={error} onRetry={retry} inline />}
      {context === null ? (
        error === null && <Loading what="Reading the context" />
      ) : (
        <Of context={context} queue={run.queue} />
      )}
    </div>
  );
}

function Of({ context, queue }: { context: RunContext; queue: string }) {
  return (
    <>
      <Card title="Queue">
        <Attributes label="Queue" attributes={context.queue.length > 0 ? context.queue : [["name", queue]]} />
      </Card>
      {context.versions.length > 0 && (
        <Card title="Versions">
          <Attributes label="Versions" attributes={context.versions} />
        </Card>
      )}
      <Workers workers={context.workers} />
      <Plugins plugins={context.plugins} />
      {context.resource.length > 0 && (
        <Card title="Resource" wide>
          <Attributes label="Resource" attributes={context.resource} />
        </Card>
      )}
    </>
  );
}

/** First of all: what one looks for in vain. */
function Losses({ losses }: { losses: Loss[] }) {
  if (losses.length === 0) {
    return (
      <p class="context-whole">
        <Icon name="check" />
        Everything that this run recorded is here: nothing was refused, dropped or cut.
      </p>
    );
  }
  return (
    <section class="card card-wide context-losses" aria-label="What is missing">
      <h2>
        <Icon name="warn" />
        Not everything is here
      </h2>
      <ul>
        {losses.map((loss) => (
          <li key={`${loss.what} ${loss.detail}`}>
            <strong>
              {count(loss.count)} {visible(loss.what)}
            </strong>
            {loss.detail && (
              <span class="soft">
                {" "}
                <DataText text={loss.detail} />
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Workers({ workers }: { workers: Worker[] }) {
  return (
    <Card title={workers.length === 1 ? "Worker" : "Workers"}>
      {workers.length === 0 && <p class="faint">No attempt has begun.</p>}
      {workers.map((worker) => (
        <div key={worker.id} class="context-worker">
          <FactList
            facts={[
              ["Worker", worker.id, worker.id],
              ["State", worker.alive === null ? null : worker.alive ? "alive" : "gone"],
              ["Process", worker.pid === null ? null : String(worker.pid)],
              ["Host", worker.host],
              ["runlog", worker.version],
              ["Python", worker.python],
            ]}
          />
          <Attributes label={`Attributes of ${worker.id}`} attributes={worker.attributes} />
        </div>
      ))}
    </Card>
  );
}

function Plugins({ plugins }: { plugins: Plugin[] }) {
  return (
    <Card title="Plugins" wide>
      {plugins.length === 0 ? (
        <p class="faint">
          No instrumentation is recorded for the workers of this run. <Link href="/plugins">Plugins</Link>
        </p>
      ) : (
        <table class="context-plugins">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">State</th>
              <th scope="col">Traces</th>
              <th scope="col" class="right">
                Spans
              </th>
            </tr>
          </thead>
          <tbody>
            {plugins.map((plugin) => (
              <tr key={`${plugin.name} ${plugin.worker}`}>
                <th scope="row">
                  {visible(plugin.name)} <span class="faint">{plugin.version}</span>
                </th>
                <td>
                  <span class={`tone-${pluginTone(plugin.state)}`}>{visible(plugin.state)}</span>
                  {plugin.reason && <p class="soft">{visible(plugin.reason)}</p>}
                  {plugin.fix && <code>{visible(plugin.fix)}</code>}
                </td>
                <td>
                  {plugin.library ? visible(plugin.library) : ""} <span class="faint">{plugin.library_version}</span>
                </td>
                <td class="right number">{plugin.spans === null ? "" : count(plugin.spans)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

function Card({ title, wide = false, children }: { title: string; wide?: boolean; children: ComponentChildren }) {
  return (
    <section class={wide ? "card card-wide" : "card"} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function moment(name: string, ms: number | null, text: string | null): Fact {
  if (ms === null) return [name, null];
  return [name, <Time key={name} ms={ms} text={text} form="full" />, text ?? iso(ms)];
}

/** Read again when the run has changed: another attempt may have another worker. */
function useContextOf(runId: string, version: number) {
  const [state, setState] = useState<{ context: RunContext | null; error: unknown; tries: number }>({
    context: null,
    error: null,
    tries: 0,
  });
  useEffect(() => {
    const control = new AbortController();
    get<RunContext>(`/api/runs/${encodeURIComponent(runId)}/context`, {}, control.signal)
      .then((context) => setState((before) => ({ ...before, context, error: null })))
      .catch((error: unknown) => {
        if (!isAbort(error)) setState((before) => ({ ...before, error }));
      });
    return () => control.abort();
  }, [runId, version, state.tries]);
  return { ...state, retry: () => setState((before) => ({ ...before, error: null, tries: before.tries + 1 })) };
}

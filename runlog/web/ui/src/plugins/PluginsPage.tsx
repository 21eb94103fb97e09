// What is traced by itself, and where spans are sent: the state of each plugin, why, and what helps.
import { useEffect } from "preact/hooks";
import { ApiError } from "../api/client";
import type { Plugin, PluginsAnswer } from "../api/types";
import { visible } from "../format/ansi";
import { jsonText } from "../format/json";
import { count, plural } from "../format/number";
import { DataText } from "../parts/DataText";
import { Icon } from "../parts/Icon";
import { Link } from "../parts/Link";
import { Command, Empty, Failed, Loading } from "../parts/states";
import { Time } from "../parts/Time";
import { Following } from "../state/following";
import { useKeys } from "../state/keys";
import { pluginTone } from "./state";
import "./plugins.css";

const view = new Following<PluginsAnswer>((source, signal) => source.get<PluginsAnswer>("/api/plugins", {}, signal));

export function PluginsPage() {
  useEffect(() => {
    view.start();
    return () => view.pause();
  }, []);
  useKeys("Plugins", [{ key: "r", label: "Load again", run: () => view.reload() }]);
  const answer = view.answer.value;
  const failure = view.failure.value;
  if (answer === null) {
    if (failure instanceof ApiError && failure.problem.code === "no-log") return <NoneYet />;
    return failure === null ? <Loading what="Reading" /> : <Failed error={failure} onRetry={() => view.reload()} />;
  }
  const { plugins, exporters } = answer;
  const wrong = plugins.filter((plugin) => pluginTone(plugin.state) === "bad").length;
  const [first] = plugins;
  return (
    <div class="plugins">
      <h1>
        Plugins
        {plugins.length > 0 && (
          <span class={wrong > 0 ? "tone-bad" : "soft"}>
            {wrong > 0 ? `${count(wrong)} of ${plural(plugins.length, "plugin")} not at work` : "all at work"}
          </span>
        )}
      </h1>
      {failure !== null && <Failed error={failure} onRetry={() => view.reload()} inline />}
      {first && (
        <p class="soft">
          As the newest worker{first.worker !== null && <code> {visible(first.worker)}</code>} said
          {first.recorded !== null && (
            <>
              {" "}
              <Time ms={first.recorded} form="ago" />
            </>
          )}
          . It tells of its spans once in a while.
        </p>
      )}
      {plugins.length === 0 ? <None /> : <ul class="plugin-list">{plugins.map(card)}</ul>}
      <h2>Exporters</h2>
      {exporters.length === 0 ? (
        <p class="soft">
          None: spans stay in this log. To send them on, too, list an exporter in <code>runlog.toml</code>:{" "}
          <code>[export] exporters = ["otlp"]</code>
        </p>
      ) : (
        <ul class="plugin-list">{exporters.map(Exporter)}</ul>
      )}
    </div>
  );
}

function State({ state }: { state: string }) {
  const tone = pluginTone(state);
  return (
    <span class={`plugin-state tone-${tone}`}>
      <Icon name={tone === "good" ? "check" : tone === "bad" ? "warn" : "pause"} />
      {visible(state)}
    </span>
  );
}

function card(plugin: Plugin) {
  const { name, state, version, reason, fix, options, spans, source, distribution, targets, notes } = plugin;
  return (
    <li key={name} class={`plugin plugin-${pluginTone(state)}`}>
      <div class="plugin-head">
        <h3>{visible(name)}</h3>
        <State state={state} />
        {spans !== null && <span class="plugin-spans">{plural(spans, "span")}</span>}
      </div>
      {reason && (
        <p>
          <DataText text={reason} />
        </p>
      )}
      {fix && <Command text={fix} />}
      {targets.length > 0 && <p class="soft">traces {visible(targets.join(", "))}</p>}
      {notes.map((note) => (
        <p key={note} class="plugin-note">
          <Icon name="info" />
          <DataText text={note} />
        </p>
      ))}
      {options.length > 0 && (
        <dl class="plugin-options">
          {options.map(([key, value]) => (
            <div key={key}>
              <dt>{visible(key)}</dt>
              <dd>
                <DataText text={typeof value === "string" ? value : jsonText(value, 0)} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      <p class="plugin-from">
        {visible([distribution ?? source, version].filter(Boolean).join(" "))}
        {distribution && source && distribution !== source ? ` (${visible(source)})` : ""}
      </p>
    </li>
  );
}

function Exporter(pairs: [string, unknown][]) {
  const of = (key: string) => pairs.find(([name]) => name === key)?.[1];
  const text = (key: string) => (typeof of(key) === "string" ? (of(key) as string) : "");
  const numbers = ["exported", "failed", "dropped"].flatMap((key) => {
    const value = of(key);
    return typeof value === "number" ? [`${count(value)} ${key}`] : [];
  });
  const recorded = of("recorded");
  return (
    <li key={`${text("kind")} ${text("name")}`} class={`plugin plugin-${pluginTone(text("state"))}`}>
      <div class="plugin-head">
        <h3>{visible(text("name"))}</h3>
        <State state={text("state")} />
        <span class="plugin-spans">{numbers.join(", ")}</span>
      </div>
      {text("error") && (
        <p>
          <DataText text={text("error")} />
        </p>
      )}
      <p class="plugin-from">
        {text("kind")}
        {typeof recorded === "number" && (
          <>
            , told <Time ms={recorded} form="ago" />
          </>
        )}
        {text("state") === "unknown" && ": no process has said anything of it yet"}
      </p>
    </li>
  );
}

function NoneYet() {
  return (
    <Empty title="No worker has run yet">
      <p>
        Each worker says as it starts which instrumentations are at work: <code>runlog dev</code> starts one.
      </p>
    </Empty>
  );
}

const EXAMPLE = 'instrumentations = ["httpx", "requests", "sqlalchemy"]';

function None() {
  return (
    <div class="plugin-none">
      <p>
        Nothing is traced by itself: no instrumentation is listed in <code>runlog.toml</code>, or no worker has run
        since. With one, each call of a library is a span of the run that made it.
      </p>
      <ol>
        <li>
          <Command text={'pip install "runlog-tasks[httpx,requests,sqlalchemy]"'} />
          <span class="soft">the built-in ones; OpenTelemetry's own work too, by their names</span>
        </li>
        <li>
          <Command text={EXAMPLE} /> <span class="soft">into runlog.toml</span>
        </li>
        <li>
          <Command text="runlog instrumentations" /> <span class="soft">says what became of each</span>
        </li>
      </ol>
      <p>
        <Link href="/runs">Runs</Link> that are started then have the spans.
      </p>
    </div>
  );
}

// A run: what happened in one sentence, and below it everything, with the inspector beside.
import { effect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { visible } from "../format/ansi";
import { count, plural } from "../format/number";
import { statusLook } from "../format/status";
import { CountBadge } from "../parts/Badge";
import { lazy } from "../parts/lazy";
import { Loading } from "../parts/states";
import { type Tab, Tabs } from "../parts/Tabs";
import { useKeys } from "../state/keys";
import { select, selection } from "../state/selection";
import { usePageTitle } from "../state/title";
import { params, setParams } from "../state/url";
import { Header } from "./Header";
import { RunModel, type Shown } from "./model";
import { NoRun } from "./NoRun";
import { Pane } from "./Pane";
import { Timeline } from "./timeline/Timeline";
import "./run.css";

// Not needed to show what happened first.
const ContextTab = lazy(async () => (await import("./context/ContextTab")).ContextTab);
const DataTab = lazy(async () => (await import("./data/DataTab")).DataTab);
const LogsTab = lazy(async () => (await import("./logs/LogsTab")).LogsTab);
const Selected = lazy(async () => (await import("./Selected")).Selected);

/** What one walks through with the arrows. */
const LIST = ".run-main :is([role=treegrid], [role=grid])";

type TabId = "timeline" | "logs" | "data" | "context";

export function RunPage({ id }: { id: string }) {
  const model = useMemo(() => new RunModel(id), [id]);
  useEffect(() => {
    void model.load();
    return () => model.close();
  }, [model]);
  const shown = model.shown.value;
  if (shown !== null) return <Run shown={shown} />;
  if (model.error.value !== null) return <NoRun id={id} error={model.error.value} onRetry={() => void model.load()} />;
  return <Loading what="Opening the run" />;
}

function Run({ shown }: { shown: Shown }) {
  const { detail, store } = shown;
  const { run } = detail;
  const tab = useTab();
  const look = statusLook(run.status);
  const inspector = useRef<HTMLElement>(null);
  usePageTitle(`${look.label}: ${visible(run.task)}`);
  useKeys("Run", [
    { key: "v t", label: "Show the timeline", run: () => goToTab("timeline") },
    { key: "v l", label: "Show the logs", run: () => goToTab("logs") },
    { key: "v d", label: "Show payload and result", run: () => goToTab("data") },
    { key: "v c", label: "Show the context", run: () => goToTab("context") },
  ]);
  useFound(shown);
  const intoInspector = () => requestAnimationFrame(() => inspector.current?.focus()); // it may only just be opened
  const hasPane = selection.value !== null && (tab === "timeline" || tab === "logs");
  return (
    <div class="run">
      <Header shown={shown} />
      <div class="run-body">
        <div class="run-main">
          <Tabs tabs={tabsOf(shown)} current={tab} onChange={(id) => showTab(id as TabId)} label="Parts of the run">
            {tab === "timeline" && (
              <Timeline
                key={storeKey(store)}
                store={store}
                loader={shown.loader}
                selected={selection}
                onSelect={select}
                onEnter={intoInspector}
              />
            )}
            {tab === "logs" && (
              <LogsTab key={storeKey(store)} store={store} isGoing={!look.ended} onOpen={intoInspector} />
            )}
            {tab === "data" && <DataTab detail={detail} />}
            {tab === "context" && <ContextTab detail={detail} />}
          </Tabs>
        </div>
        {hasPane && (
          <Pane label="Inspector" storageKey="inspector">
            <Selected shown={shown} boxRef={inspector} />
          </Pane>
        )}
      </div>
    </div>
  );
}

/** What is selected may be in a part of the run that was not loaded. */
function useFound({ store, loader }: Shown): void {
  useEffect(
    () =>
      effect(() => {
        store.version.value;
        loader.find(selection.value);
      }),
    [store, loader],
  );
}

function tabsOf({ detail: { run } }: Shown): Tab[] {
  return [
    {
      id: "timeline",
      label: "Timeline",
      badge: run.errors > 0 && <CountBadge tone="bad">{plural(run.errors, "error")}</CountBadge>,
    },
    { id: "logs", label: "Logs", badge: run.logs > 0 && <CountBadge>{count(run.logs)}</CountBadge> },
    { id: "data", label: "Payload & result" },
    { id: "context", label: "Context" },
  ];
}

/** The tab in the address; the timeline where it names none that there is. */
function useTab(): TabId {
  const named = params.value.get("tab");
  return named === "logs" || named === "data" || named === "context" ? named : "timeline";
}

function showTab(id: TabId): void {
  setParams({ tab: id === "timeline" ? null : id }, "push");
}

/** By the keyboard: the focus goes along. */
function goToTab(id: TabId): void {
  showTab(id);
  requestAnimationFrame(() => {
    const list = document.querySelector<HTMLElement>(LIST);
    (list ?? document.getElementById(`tab-${id}`))?.focus();
  });
}

const keys = new WeakMap<object, number>();
let last = 0;

/** Another store is another run's, or the same read anew: what shows it begins anew. */
function storeKey(store: object): number {
  let key = keys.get(store);
  if (key === undefined) {
    last += 1;
    key = last;
    keys.set(store, key);
  }
  return key;
}

// What stands in the place of the list while it has no rows.

import { shortTime } from "../format/time";
import { Button } from "../parts/Button";
import { Command, Empty, Failed, Loading } from "../parts/states";
import { serverNow } from "../state/clock";
import { session } from "../state/session";
import { setParams } from "../state/url";
import type { RunsView } from "./view";

export interface NothingProps {
  view: RunsView;
  hasQuery: boolean;
  hasRange: boolean;
}

export function Nothing({ view, hasQuery, hasRange }: NothingProps) {
  if (view.state.value === "failed") return <Failed error={view.failure.value} onRetry={() => view.reload()} />;
  if (view.state.value === "loading") return <Loading what="Looking for runs" />;
  const { searchedTo, cursor } = view.list;
  if (view.searching.value) {
    return <Loading what="Searching" progress={searchedTo === null ? undefined : `back to ${back(searchedTo)}`} />;
  }
  if (cursor !== null && searchedTo !== null) return <Further view={view} searchedTo={searchedTo} />;
  return hasQuery || hasRange ? <NoMatch hasQuery={hasQuery} hasRange={hasRange} /> : <FirstRun />;
}

function back(time: number): string {
  return shortTime(time, serverNow());
}

function Further({ view, searchedTo }: { view: RunsView; searchedTo: number }) {
  return (
    <Empty title={`No match back to ${back(searchedTo)}`}>
      <p>This query has no index: it is searched bit by bit.</p>
      <Button kind="primary" onClick={() => void view.more()}>
        Search further back
      </Button>
    </Empty>
  );
}

function NoMatch({ hasQuery, hasRange }: Omit<NothingProps, "view">) {
  return (
    <Empty title="No run matches">
      <p class="state-actions">
        {hasQuery && (
          <Button icon="cross" onClick={() => setParams({ q: null }, "push")}>
            Clear the query
          </Button>
        )}
        {hasRange && (
          <Button icon="clock" onClick={() => setParams({ from: null, to: null }, "push")}>
            Look in all time
          </Button>
        )}
      </p>
    </Empty>
  );
}

function FirstRun() {
  return (
    <Empty title={`No runs in ${session.value?.project ?? "this project"} yet`}>
      <p>Runs appear here by themselves. To make the first:</p>
      <ol class="first-run">
        <li>
          <Command text="runlog dev" /> <span>runs the project's tasks, and again as you edit</span>
        </li>
        <li>
          <Command text={"runlog trigger TASK '{}'"} /> <span>triggers a task; TASK is its id</span>
        </li>
        <li>
          <Command text="runlog demo" /> <span>shows tasks made to look at, in a folder of their own</span>
        </li>
      </ol>
    </Empty>
  );
}

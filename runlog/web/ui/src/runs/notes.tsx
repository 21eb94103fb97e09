import { plural } from "../format/number";
import { Button } from "../parts/Button";
import { Counted, Pill } from "../parts/SearchNotes";
import { Command, Empty } from "../parts/states";
import { session } from "../state/session";
import type { RunsList } from "./list";
import type { RunsView } from "./view";

/** How many runs match, and whether new ones come in. */
export function Summary({ view }: { view: RunsView }) {
  const found = view.count.value;
  const following = view.following.value;
  return (
    <>
      <Counted total={found?.count ?? null} searchedTo={found?.searched_to ?? null} noun="run" />
      <Button
        kind="quiet"
        icon={following ? "pause" : "play"}
        label={
          following
            ? "New runs come in by themselves while the top of the list is in sight; press to hold them back"
            : "Let new runs come in by themselves"
        }
        onClick={() => {
          view.following.value = !following;
          if (!following && view.list.held) view.show();
        }}
      />
    </>
  );
}

export function NewRuns({ view }: { view: RunsView }) {
  view.version.value;
  return <Pill text={newsOf(view.list)} onShow={() => view.show()} />;
}

function newsOf({ missed, held, goneCount }: RunsList): string | null {
  if (missed) return "Much changed meanwhile: load again";
  if (held > 0) return `↑ ${plural(held, "new run")}`;
  return goneCount > 0
    ? `${plural(goneCount, "row")} no longer ${goneCount === 1 ? "matches" : "match"}: tidy up`
    : null;
}

/** Before the first run. */
export function FirstRun() {
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
          <Command text="runlog demo" /> <span>makes a project of its own to look at, in runlog-demo/</span>
        </li>
      </ol>
    </Empty>
  );
}

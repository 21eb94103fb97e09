// What is said around the list: how many there are, what is new, how far it was searched.
import { count, plural } from "../format/number";
import { shortTime } from "../format/time";
import { Button } from "../parts/Button";
import { Failed } from "../parts/states";
import { serverNow } from "../state/clock";
import type { RunsView } from "./view";

/** How many runs match, of the whole log. */
export function Summary({ view }: { view: RunsView }) {
  const found = view.count.value;
  const following = view.following.value;
  return (
    <>
      <strong class="runs-count">
        {found === null ? <span class="skeleton runs-count-skeleton" /> : plural(found.count, "run")}
        {found !== null && found.searched_to !== null && (
          <span class="soft"> counted back to {shortTime(found.searched_to, serverNow())}</span>
        )}
      </strong>
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

/** New runs that wait to be shown: nothing moves before. */
export function NewRuns({ view }: { view: RunsView }) {
  view.version.value;
  const { held, goneCount } = view.list;
  return (
    <div class="runs-new" role="status">
      {(held > 0 || goneCount > 0) && (
        <button type="button" class="pill" onClick={() => view.show()}>
          {held > 0
            ? `↑ ${plural(held, "new run")}`
            : `${plural(goneCount, "row")} no longer ${goneCount === 1 ? "matches" : "match"}: tidy up`}
        </button>
      )}
    </div>
  );
}

/** The end of the list: more of it, or how far the search has come. */
export function Foot({ view }: { view: RunsView }) {
  view.version.value;
  const { rows, cursor, searchedTo } = view.list;
  const failure = view.moreFailure.value;
  if (failure !== null) return <Failed error={failure} onRetry={() => void view.more()} inline />;
  if (searchedTo === null) return null;
  return (
    <p class="runs-foot">
      <span>
        {count(rows.length)} found; searched back to {shortTime(searchedTo, serverNow())}
      </span>
      {cursor !== null && (
        <Button disabled={view.searching.value} onClick={() => void view.more()}>
          {view.searching.value ? "Searching…" : "Search further back"}
        </Button>
      )}
    </p>
  );
}

import { count, plural } from "../format/number";
import { Button } from "../parts/Button";
import { Counted, Foot, Pill } from "../parts/SearchNotes";
import { Empty } from "../parts/states";
import type { LogsView } from "./view";

/** How many lines match, and whether new ones come in. */
export function Summary({ view }: { view: LogsView }) {
  const found = view.histogram.value;
  const paused = view.paused.value;
  return (
    <>
      <Counted total={found?.total ?? null} searchedTo={found?.searched_to ?? null} noun="line" />
      {found !== null && found.own > 0 && <span class="soft">and {count(found.own)} of runlog's own</span>}
      <Button
        kind="quiet"
        icon={paused ? "play" : "pause"}
        label={paused ? "Let new lines come in (Space)" : "Hold new lines back (Space)"}
        onClick={() => view.pauseOrGoOn()}
      />
    </>
  );
}

export function NewLines({ view, tail }: { view: LogsView; tail: boolean }) {
  const { held } = view.list;
  const show = () => {
    view.atEdge = true;
    view.show();
  };
  return <Pill text={held > 0 ? `${tail ? "↓" : "↑"} ${plural(held, "new line")}` : null} end={tail} onShow={show} />;
}

export function LinesFoot({ view }: { view: LogsView }) {
  if (!view.list.trimmed) return <Foot search={view} />;
  return (
    <p class="list-foot">
      The newest {count(view.list.length)} are kept here while more come in
      <Button icon="retry" onClick={() => view.reload()}>
        Load again, with older ones
      </Button>
    </p>
  );
}

export function FirstLine() {
  return (
    <Empty title="Nothing logged yet">
      <p>
        What <code>logger.info()</code>, <code>print()</code> and <code>logging</code> say in a task appears here by
        itself.
      </p>
    </Empty>
  );
}

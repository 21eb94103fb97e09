import { count, plural } from "../format/number";
import type { Range } from "../format/range";
import { Button } from "../parts/Button";
import { useKeys } from "../state/keys";
import { session } from "../state/session";
import { Chosen } from "./list";
import type { RunsView } from "./view";

export interface SelectionBarProps {
  view: RunsView;
  query: string;
  range: Range;
}

/** What can be done with the chosen runs. */
export function SelectionBar(props: SelectionBarProps) {
  return props.view.chosen.value.none ? null : <Bar {...props} />;
}

function Bar({ view }: SelectionBarProps) {
  const chosen = view.chosen.value;
  const found = view.count.value;
  const clear = () => {
    view.chosen.value = new Chosen();
  };
  useKeys("Runs", [{ key: "Escape", label: "Choose none", run: clear }]);
  const may = session.value?.can_operate ?? false;
  const why = may ? undefined : whyNot();
  const all = found !== null && found.searched_to === null ? found.count : null;
  return (
    <div class="runs-selection" role="region" aria-label="Chosen runs">
      <strong>{chosen.all ? `All ${count(all ?? 0)} that match` : `${plural(chosen.ids.size, "run")} chosen`}</strong>
      {!chosen.all && all !== null && all > chosen.ids.size && (
        <button
          type="button"
          class="text-button"
          onClick={() => {
            view.chosen.value = new Chosen([], true);
          }}
        >
          all {count(all)} that match
        </button>
      )}
      <Button icon="stop" kind="danger" disabled={!may} {...(why && { label: why })}>
        Cancel…
      </Button>
      <Button icon="retry" disabled={!may} {...(why && { label: why })}>
        Replay…
      </Button>
      <Button kind="quiet" icon="cross" label="Choose none (Escape)" onClick={clear} />
    </div>
  );
}

function whyNot(): string {
  const scope = session.value?.scope;
  return scope === "view" ? "This link can only look: its scope is view" : "There is no queue here that can be written";
}

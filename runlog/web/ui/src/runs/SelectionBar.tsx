import { useState } from "preact/hooks";
import { type Act, wholeQuery, whyNot } from "../actions/words";
import { count, plural } from "../format/number";
import type { Range } from "../format/range";
import { Button } from "../parts/Button";
import { lazy } from "../parts/lazy";
import { serverNow } from "../state/clock";
import { useKeys } from "../state/keys";
import { session } from "../state/session";
import { Chosen } from "./list";
import type { RunsView } from "./view";

const BulkDialog = lazy(async () => (await import("../actions/BulkDialog")).BulkDialog);

export interface SelectionBarProps {
  view: RunsView;
  query: string;
  range: Range;
}

/** What can be done with the chosen runs. */
export function SelectionBar(props: SelectionBarProps) {
  return props.view.chosen.value.none ? null : <Bar {...props} />;
}

function Bar({ view, query, range }: SelectionBarProps) {
  const [asked, setAsked] = useState<{ act: Act; runIds: string[] | null; query: string } | null>(null);
  const chosen = view.chosen.value;
  const found = view.count.value;
  const clear = () => {
    view.chosen.value = new Chosen();
  };
  const why = whyNot(session.value);
  const may = why === null && session.value !== null;
  const ask = (act: Act) => {
    if (!may) return;
    const runIds = chosen.all ? null : [...chosen.ids];
    setAsked({ act, runIds, query: wholeQuery(query, range, serverNow()) });
  };
  useKeys("Runs", [
    { key: "Escape", label: "Choose none", run: clear },
    { key: "C", label: "Cancel the chosen", run: () => ask("cancel") },
    { key: "R", label: "Replay the chosen", run: () => ask("replay") },
  ]);
  const all = found !== null && found.searched_to === null ? found.count : null;
  return (
    <>
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
        <Button
          icon="stop"
          kind="danger"
          label={why ?? "Cancel the chosen (C)"}
          disabled={!may}
          onClick={() => ask("cancel")}
        >
          Cancel…
        </Button>
        <Button icon="retry" label={why ?? "Replay the chosen (R)"} disabled={!may} onClick={() => ask("replay")}>
          Replay…
        </Button>
        <Button kind="quiet" icon="cross" label="Choose none (Escape)" onClick={clear} />
      </div>
      {asked && (
        <BulkDialog
          {...asked}
          onClose={(isDone) => {
            setAsked(null);
            if (isDone) clear();
          }}
        />
      )}
    </>
  );
}

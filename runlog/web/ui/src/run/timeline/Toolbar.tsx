import type { RefObject } from "preact";
import { Button } from "../../parts/Button";
import { params, setParams } from "../../state/url";
import { askedFilter, askedOptions, toggleParam } from "./address";
import { DEBUG_LEVEL } from "./columns";
import type { TimelineControl } from "./control";

export interface ToolbarProps {
  control: TimelineControl;
  filter: RefObject<HTMLInputElement | null>;
  /** Back to the rows. */
  onLeave: () => void;
}

/** What is shown of a run, and how. */
export function Toolbar({ control, filter, onLeave }: ToolbarProps) {
  const asked = askedFilter(params.value);
  const options = askedOptions(params.value);
  const totals = control.totals.value;
  const query = control.query?.state.value;
  const toggle = (name: string, value: string) => () => toggleParam(params.peek(), name, value);
  const isFiltering = asked.text !== "" || asked.errors || asked.level > DEBUG_LEVEL;
  return (
    <div class="tl-tools" role="toolbar" aria-label="Timeline">
      <input
        ref={filter}
        class="field tl-filter"
        type="search"
        aria-label="Filter rows by text"
        placeholder="Filter"
        title="A text in names and messages, or a query: level:>=warn, user.id:7"
        aria-invalid={query?.state === "failed"}
        value={asked.text}
        onInput={(event) => setParams({ filter: event.currentTarget.value }, "replace")}
        onKeyDown={(event) => {
          if (event.key !== "Escape" && event.key !== "Enter" && event.key !== "ArrowDown") return;
          event.preventDefault();
          event.stopPropagation();
          if (event.key === "Escape" && asked.text !== "") setParams({ filter: null }, "replace");
          else onLeave();
        }}
      />
      <select
        class="field"
        aria-label="Lowest level"
        value={params.value.get("level") ?? ""}
        onChange={(event) => setParams({ level: event.currentTarget.value }, "replace")}
      >
        <option value="">All levels</option>
        <option value="info">Info and over</option>
        <option value="warn">Warnings and over</option>
        <option value="error">Errors</option>
      </select>
      <Button
        pressed={asked.errors}
        class={totals !== null && totals.errors > 0 ? "tl-has-errors" : ""}
        label="What failed or did not end, and what it is in (!)"
        onClick={toggle("errors", "1")}
      >
        Errors only
      </Button>
      {isFiltering && (
        <Button kind="quiet" onClick={() => setParams({ filter: null, level: null, errors: null }, "replace")}>
          Clear
        </Button>
      )}
      <span class="tl-gap" />
      <Button pressed={options.hasLogs} label="Logs as rows (l)" onClick={toggle("logs", "0")}>
        Logs
      </Button>
      <Button pressed={options.isFolding} label="Repeated siblings as one row (r)" onClick={toggle("fold", "0")}>
        Fold
      </Button>
      <Button
        pressed={options.isCritical}
        label="What the run's length was made of (c)"
        onClick={toggle("critical", "1")}
      >
        Critical path
      </Button>
      {control.model.queueEnd > 0 && (
        <Button
          pressed={totals?.hasQueue ?? true}
          label="The axis begins when the run was created, not when it started"
          onClick={() => setParams({ queue: totals?.hasQueue ? "0" : "1" }, "replace")}
        >
          Queue time
        </Button>
      )}
      {totals?.isRunning && (
        <Button
          pressed={totals.follows}
          label="Keep the newest rows in sight (F)"
          onClick={() => control.setFollow(!totals.follows)}
        >
          Follow
        </Button>
      )}
      <span class="tl-group">
        <Button
          kind="quiet"
          icon="unfold"
          label="Open all (e)"
          onClick={() => control.setLevel(Number.POSITIVE_INFINITY)}
        />
        <Button kind="quiet" icon="fold" label="Close all (w)" onClick={() => control.setLevel(1)} />
      </span>
      <span class="tl-group">
        <Button
          kind="quiet"
          icon="minus"
          label="Zoom out (-)"
          disabled={!totals?.isZoomed}
          onClick={() => control.zoom(-1)}
        />
        <Button kind="quiet" disabled={!totals?.isZoomed} label="The whole run (0)" onClick={() => control.showAll()}>
          Fit
        </Button>
        <Button kind="quiet" icon="plus" label="Zoom in (+)" onClick={() => control.zoom(1)} />
      </span>
    </div>
  );
}

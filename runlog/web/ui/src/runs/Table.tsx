import { useEffect, useRef } from "preact/hooks";
import type { RunRow } from "../api/types";
import { visible } from "../format/ansi";
import { duration } from "../format/duration";
import { StatusBadge } from "../parts/Badge";
import { Time } from "../parts/Time";
import { VirtualList, type VirtualListHandle } from "../parts/VirtualList";
import { serverNow } from "../state/clock";
import { useKeys } from "../state/keys";
import { useMedia } from "../state/media";
import { rowHeight } from "../state/rows";
import { navigate, runPath } from "../state/url";
import { scaleOf } from "./bars";
import { type CellContext, cellOf, Happened } from "./cells";
import { type Column, gridOf, leastWidth } from "./columns";
import type { Entry } from "./list";
import type { RunsView } from "./view";

export interface TableProps {
  view: RunsView;
  columns: readonly Column[];
  /** The run that the keys act on. */
  selected: string | null;
  onSelected: (runId: string) => void;
  onTerm: (term: string, out: boolean) => void;
  onMove: (from: number, to: number) => void;
}

const CARD = 60;

export function Table({ view, columns, selected, onSelected, onTerm, onMove }: TableProps) {
  const list = useRef<VirtualListHandle>(null);
  const narrow = useMedia("(max-width: 640px)");
  view.version.value;
  const { rows } = view.list;
  const chosen = view.chosen.value;
  const at = selected === null ? -1 : view.list.indexOf(selected);
  const scale = scaleOf(
    rows.slice(0, 400).map((entry) => entry.run),
    serverNow(),
  );
  const context: CellContext = { scale, onTerm };
  const select = (index: number) => {
    const run = rows[index]?.run;
    if (!run) return;
    onSelected(run.run_id);
    list.current?.scrollTo(index);
    list.current?.focus();
  };
  const toggle = (runId: string) => {
    view.chosen.value = view.chosen.peek().toggled(runId);
  };
  const openRow = (run: RunRow | undefined, event?: MouseEvent) => {
    if (run) onSelected(run.run_id); // where the back button leads
    open(run, event);
  };
  useTableKeys(view, at, select, toggle);
  useEffect(() => {
    if (at > 0) list.current?.scrollTo(at, "center"); // back from a run: where one was
  }, []);
  const cells = (index: number) => {
    const entry = rows[index];
    if (!entry) return null;
    const row = { entry, context, chosen: chosen.has(entry.run.run_id), onToggle: toggle };
    return narrow ? <Card {...row} /> : <Cells {...row} columns={columns} />;
  };
  return (
    <div
      class={`runs-table${narrow ? " runs-cards" : ""}`}
      style={{ "--columns": gridOf(columns), "--least": `${leastWidth(columns)}px` }}
    >
      <VirtualList
        ref={list}
        count={rows.length}
        rowHeight={narrow ? CARD : rowHeight.value}
        label="Runs"
        cells
        header={narrow ? undefined : <Header columns={columns} scale={scale} onMove={onMove} />}
        render={cells}
        keyOf={(index) => rows[index]?.run.run_id ?? index}
        rowClass={(index) => rowClass(rows[index], chosen.has(rows[index]?.run.run_id ?? ""))}
        selected={at < 0 ? null : at}
        onSelect={(index, event) => {
          if (event.type !== "click") select(index);
          else if (getSelection()?.isCollapsed !== false) openRow(rows[index]?.run, event as MouseEvent);
        }}
        onActivate={(index) => openRow(rows[index]?.run)}
        onEnd={() => {
          if (view.list.searchedTo === null && !view.moreFailure.peek()) void view.more();
        }}
        onTop={(atTop) => {
          view.atTop = atTop;
        }}
      />
    </div>
  );
}

function open(run: RunRow | undefined, event?: MouseEvent): void {
  if (!run) return;
  if (event?.ctrlKey || event?.metaKey) window.open(runPath(run.run_id), "_blank", "noopener");
  else navigate(runPath(run.run_id));
}

function rowClass(entry: Entry | undefined, chosen: boolean): string | undefined {
  const names = [entry?.gone && "run-gone", chosen && "run-chosen"].filter(Boolean);
  return names.length ? names.join(" ") : undefined;
}

function useTableKeys(view: RunsView, at: number, select: (index: number) => void, toggle: (runId: string) => void) {
  const anchor = useRef<number | null>(null);
  const { rows } = view.list;
  const current = rows[at]?.run;
  useKeys("Runs", [
    { key: "j", label: "Next run", run: () => select(Math.min(rows.length - 1, at + 1)) },
    { key: "k", label: "Run before", run: () => select(Math.max(0, at - 1)) },
    { key: "Enter", label: "Open the run", run: () => open(current) },
    {
      key: "x",
      label: "Choose the run",
      run: () => {
        if (!current) return;
        anchor.current = at;
        toggle(current.run_id);
      },
    },
    {
      key: "X",
      label: "Choose all from the last chosen one to here",
      run: () => {
        const from = Math.min(anchor.current ?? at, at);
        const to = Math.max(anchor.current ?? at, at);
        view.chosen.value = view.chosen
          .peek()
          .with(rows.slice(Math.max(0, from), to + 1).map((entry) => entry.run.run_id));
      },
    },
    { key: "n", label: "Show new runs", run: () => view.show() },
  ]);
}

interface HeaderProps {
  columns: readonly Column[];
  scale: number;
  onMove: (from: number, to: number) => void;
}

/** Its cells can be dragged to another place. */
function Header({ columns, scale, onMove }: HeaderProps) {
  const dragged = useRef<number | null>(null);
  return (
    <>
      <div role="columnheader" class="cell cell-choose">
        <span class="sr-only">Chosen</span>
      </div>
      {columns.map((column, at) => (
        <div
          key={column.id}
          role="columnheader"
          class={`cell${column.end ? " cell-end" : ""}`}
          title={column.about}
          draggable
          onDragStart={() => {
            dragged.current = at;
          }}
          onDragOver={(event) => {
            if (dragged.current !== null) event.preventDefault();
          }}
          onDrop={() => {
            if (dragged.current !== null && dragged.current !== at) onMove(dragged.current, at);
            dragged.current = null;
          }}
        >
          <span class="cut">{column.label}</span>
          {column.id === "duration" && (
            <span class="cell-scale">{duration(scale).replace(/\.0| 0 (?:s|min|h)$/, "")}</span>
          )}
        </div>
      ))}
    </>
  );
}

interface RowProps {
  entry: Entry;
  context: CellContext;
  chosen: boolean;
  onToggle: (runId: string) => void;
}

function Cells({ entry, context, chosen, onToggle, columns }: RowProps & { columns: readonly Column[] }) {
  return (
    <>
      <div role="gridcell" class="cell cell-choose">
        <Choose run={entry.run} chosen={chosen} onToggle={onToggle} />
        {entry.gone && <Gone />}
      </div>
      {columns.map((column) => (
        <div
          key={column.id}
          role="gridcell"
          class={`cell cell-${column.id.split(".")[0]}${column.end ? " cell-end" : ""}`}
        >
          {cellOf(column.id, entry.run, context)}
        </div>
      ))}
    </>
  );
}

function Choose({ run, chosen, onToggle }: { run: RunRow; chosen: boolean; onToggle: (runId: string) => void }) {
  return (
    <input
      type="checkbox"
      tabIndex={-1}
      checked={chosen}
      aria-label={`Choose ${run.run_id}`}
      onClick={(event) => event.stopPropagation()}
      onChange={() => onToggle(run.run_id)}
    />
  );
}

function Gone() {
  return (
    <span class="gone-note" title="It matches no longer, and leaves at the next look">
      no longer matches
    </span>
  );
}

/** A run where there is no width for a table. */
function Card({ entry, context, chosen, onToggle }: RowProps) {
  const { run } = entry;
  return (
    <div role="gridcell" class="run-card">
      <span class="run-card-choose">
        <Choose run={run} chosen={chosen} onToggle={onToggle} />
      </span>
      <div class="run-card-main">
        <div class="run-card-line">
          <StatusBadge status={run.status} compact />
          <span class="cut run-card-task">{visible(run.task)}</span>
          {entry.gone && <Gone />}
          <span class="run-card-length">{cellOf("duration", run, context)}</span>
        </div>
        <div class="run-card-line soft">
          <Time ms={run.started ?? run.created} form="ago" />
          {run.attempt > 1 && <span class="tone-attention">try {run.attempt}</span>}
          {cellOf("issues", run, context)}
          <Happened run={run} />
        </div>
      </div>
    </div>
  );
}

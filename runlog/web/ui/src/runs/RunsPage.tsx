import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { toggled } from "../format/query";
import { between, type Range } from "../format/range";
import { STATUSES, statusLook } from "../format/status";
import { Button } from "../parts/Button";
import { Facets } from "../parts/Facets";
import { Histogram } from "../parts/Histogram";
import { QueryBox } from "../parts/QueryBox";
import { Foot, Nothing } from "../parts/SearchNotes";
import { Failed } from "../parts/states";
import { TimeRange } from "../parts/TimeRange";
import { useKeys } from "../state/keys";
import { useMedia } from "../state/media";
import { params, setParams } from "../state/url";
import { type Asked, asked } from "./address";
import { ColumnsPopover } from "./ColumnsPopover";
import { fillOf } from "./cells";
import { type Column, dataColumns, filled, moved, writeColumns } from "./columns";
import { FirstRun, NewRuns, Summary } from "./notes";
import { SelectionBar } from "./SelectionBar";
import { Table } from "./Table";
import { ViewsPopover } from "./ViewsPopover";
import { RunsView } from "./view";
import "./runs.css";

/** Kept while another view is shown: the back button leads to the list as it was. */
const view = new RunsView();

const SERIES = STATUSES.map((status) => ({
  key: status,
  label: status === "PENDING_VERSION" ? "Pending" : statusLook(status).label,
  color: fillOf(status),
}));
const NARROW = "(max-width: 900px)";

const setQuery = (query: string) => setParams({ q: query, selected: null }, "push");
const setRange = (range: Range) => setParams({ ...range, selected: null }, "push");
const setColumns = (columns: readonly Column[]) => setParams({ columns: writeColumns(columns) }, "replace");

export function RunsPage() {
  const here = asked(params.value);
  const { q, range, columns } = here;
  const data = dataColumns(columns);
  const [sideOpen, setSideOpen] = useState(() => !matchMedia(NARROW).matches);
  const toggleSide = () => setSideOpen(!sideOpen);
  useEffect(() => view.want({ q, range, columns: data }), [q, range.from, range.to, data]);
  useEffect(() => () => view.pause(), []);
  useKeys("Runs", [
    { key: "f", label: "Show or hide the values to filter by", run: toggleSide },
    { key: "r", label: "Load again", run: () => view.reload() },
  ]);
  const onTerm = (term: string, out: boolean) => setQuery(toggled(q, term, out));
  const isFiltered = q !== "" || range.from !== null || range.to !== null;
  view.version.value;
  const isEmpty = view.list.length === 0;
  const shown = filled(
    columns,
    view.list.rows.map((entry) => entry.run),
  );
  const move = (from: number, to: number) => {
    const at = (index: number) => columns.findIndex((column) => column.id === shown[index]?.id);
    setColumns(moved(columns, at(from), at(to)));
  };
  const isUnused = isEmpty && view.state.value === "ready" && view.list.cursor === null && !isFiltered;
  const isBare = isUnused || view.state.value === "failed"; // nothing to count
  const failure = view.state.value === "ready" ? view.summaryFailure.value : null;
  return (
    <div class="list-page">
      <h1 class="sr-only">Runs</h1>
      <Tools {...here}>
        <Button icon="filter" label="Values to filter by (f)" pressed={sideOpen} onClick={toggleSide} />
      </Tools>
      {!isBare && (
        <Histogram
          data={view.histogram.value}
          series={SERIES}
          unit="runs"
          title={<Summary view={view} />}
          onZoom={(from, to) => setRange(between(from, to))}
          onSeries={(key, out) => onTerm(`status:${key}`, out)}
        />
      )}
      {failure !== null && <Failed error={failure} inline />}
      <div class="list-body">
        {sideOpen && !isBare && <Side query={q} />}
        <section class="list-main runs-list" aria-label="Runs">
          <NewRuns view={view} />
          {isEmpty ? (
            <Nothing search={view} noun="run" hasQuery={q !== ""} hasRange={(range.from ?? range.to) !== null}>
              <FirstRun />
            </Nothing>
          ) : (
            <Table
              view={view}
              columns={shown}
              selected={here.selected}
              onSelected={(runId) => setParams({ selected: runId }, "replace")}
              onTerm={onTerm}
              onMove={move}
            />
          )}
          {!isEmpty && <Foot search={view} />}
          <SelectionBar view={view} query={q} range={range} />
        </section>
      </div>
    </div>
  );
}

function Tools({ q, range, columns, children }: Asked & { children: ComponentChildren }) {
  const narrow = useMedia(NARROW);
  const cards = useMedia("(max-width: 640px)");
  return (
    <div class="list-tools">
      <QueryBox
        view="runs"
        value={q}
        onApply={setQuery}
        label="Search runs"
        placeholder={narrow ? "Search runs" : 'Search runs: status:FAILED task:send-email "connection reset" user.id:5'}
      />
      <div class="list-choices">
        <TimeRange range={range} onRange={setRange} />
        <ViewsPopover />
        {children}
        {!cards && <ColumnsPopover columns={columns} onColumns={setColumns} />}
      </div>
    </div>
  );
}

function Side({ query }: { query: string }) {
  return (
    <aside class="runs-side" aria-label="Values to filter by">
      <Facets
        facets={view.facets.value}
        query={query}
        onQuery={setQuery}
        unit="runs"
        labelOf={facetLabel}
        added={view.facetKeys.value}
        problem={view.facetProblem.value}
        onAdd={(key) => view.wantFacet(key)}
        onDrop={(key) => view.dropFacet(key)}
      />
    </aside>
  );
}

const FACETS: ReadonlyMap<string, string> = new Map([
  ["status", "State"],
  ["task", "Task"],
  ["queue", "Queue"],
  ["tag", "Tag"],
  ["run.version", "Version"],
  ["run.error", "Error"],
]);

function facetLabel(key: string, value?: string): string | undefined {
  if (value === undefined) return FACETS.get(key);
  const status = key === "status" ? STATUSES.find((one) => one === value) : undefined;
  return status && statusLook(status).label;
}

import { useEffect, useState } from "preact/hooks";
import { toggled } from "../format/query";
import { between, type Range } from "../format/range";
import { STATUSES, statusLook } from "../format/status";
import { Button } from "../parts/Button";
import { Facets } from "../parts/Facets";
import { Histogram } from "../parts/Histogram";
import { QueryBox } from "../parts/QueryBox";
import { Failed } from "../parts/states";
import { TimeRange } from "../parts/TimeRange";
import { useKeys } from "../state/keys";
import { useMedia } from "../state/media";
import { params, setParams } from "../state/url";
import { asked } from "./address";
import { ColumnsPopover } from "./ColumnsPopover";
import { fillOf } from "./cells";
import { type Column, dataColumns, moved, writeColumns } from "./columns";
import { Nothing } from "./Nothing";
import { Foot, NewRuns, Summary } from "./notes";
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

export function RunsPage() {
  const { q, range, columns, selected } = asked(params.value);
  const narrow = useMedia("(max-width: 900px)");
  const cards = useMedia("(max-width: 640px)");
  const [sideOpen, setSideOpen] = useState(() => !matchMedia("(max-width: 900px)").matches);
  const data = dataColumns(columns);
  useEffect(
    () => view.want({ q, range: { from: range.from, to: range.to }, columns: data }),
    [q, range.from, range.to, data],
  );
  useEffect(() => () => view.pause(), []);
  useKeys("Runs", [
    { key: "f", label: "Show or hide the values to filter by", run: () => setSideOpen(!sideOpen) },
    { key: "r", label: "Load again", run: () => view.reload() },
  ]);
  const setQuery = (query: string) => setParams({ q: query, selected: null }, "push");
  const setRange = (next: Range) => setParams({ from: next.from, to: next.to, selected: null }, "push");
  const setColumns = (next: readonly Column[]) => setParams({ columns: writeColumns(next) }, "replace");
  const onTerm = (term: string, out: boolean) => setQuery(toggled(q, term, out));
  view.version.value;
  const empty = view.list.rows.length === 0;
  const bare = empty && view.state.value === "ready" && view.list.cursor === null && !q && !range.from && !range.to;
  return (
    <div class="runs">
      <h1 class="sr-only">Runs</h1>
      <div class="runs-tools">
        <QueryBox
          view="runs"
          value={q}
          onApply={setQuery}
          label="Search runs"
          placeholder={
            narrow ? "Search runs" : 'Search runs: status:FAILED task:send-email "connection reset" user.id:5'
          }
        />
        <div class="runs-choices">
          <TimeRange range={range} onRange={setRange} />
          <ViewsPopover />
          <Button
            icon="filter"
            label="Values to filter by (f)"
            pressed={sideOpen}
            onClick={() => setSideOpen(!sideOpen)}
          />
          {!cards && <ColumnsPopover columns={columns} onColumns={setColumns} />}
        </div>
      </div>
      {!bare && (
        <Histogram
          data={view.histogram.value}
          series={SERIES}
          unit="runs"
          title={<Summary view={view} />}
          onZoom={(from, to) => setRange(between(from, to))}
          onSeries={(key, out) => onTerm(`status:${key}`, out)}
        />
      )}
      {view.summaryFailure.value !== null && view.state.value === "ready" && (
        <Failed error={view.summaryFailure.value} inline />
      )}
      <div class="runs-body">
        {sideOpen && !bare && (
          <aside class="runs-side" aria-label="Values to filter by">
            <Facets
              facets={view.facets.value}
              query={q}
              onQuery={setQuery}
              unit="runs"
              labelOf={facetLabel}
              added={view.facetKeys.value}
              onAdd={(key) => view.wantFacet(key)}
              onDrop={(key) => view.dropFacet(key)}
            />
          </aside>
        )}
        <section class="runs-list" aria-label="Runs">
          <NewRuns view={view} />
          {empty ? (
            <Nothing view={view} filtered={{ q, ranged: range.from !== null || range.to !== null }} />
          ) : (
            <Table
              view={view}
              columns={columns}
              selected={selected}
              onSelected={(runId) => setParams({ selected: runId }, "replace")}
              onTerm={onTerm}
              onMove={(from, to) => setColumns(moved(columns, from, to))}
            />
          )}
          {!empty && <Foot view={view} />}
          <SelectionBar view={view} query={q} range={range} />
        </section>
      </div>
    </div>
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

import { useEffect } from "preact/hooks";
import { stance, toggled } from "../format/query";
import { between, type Range } from "../format/range";
import { LEVELS } from "../format/status";
import { Button } from "../parts/Button";
import { Histogram } from "../parts/Histogram";
import { QueryBox } from "../parts/QueryBox";
import { Nothing } from "../parts/SearchNotes";
import { Failed } from "../parts/states";
import { TimeRange } from "../parts/TimeRange";
import { Inspector } from "../run/inspector/Inspector";
import { useMedia } from "../state/media";
import { select, selection } from "../state/selection";
import { navigate, params, setParams } from "../state/url";
import { LineList } from "./LineList";
import { FirstLine, LinesFoot, Summary } from "./notes";
import { LogsView } from "./view";
import "../run/logs/logs.css";
import "./lines.css";

/** Kept while another view is shown: the back button leads to the lines as they were. */
const view = new LogsView();

const setQuery = (query: string) => setParams({ q: query, event: null }, "push");
const setRange = (range: Range) => setParams({ ...range, event: null }, "push");

export function LogsPage() {
  const q = params.value.get("q") ?? "";
  const range = { from: params.value.get("from"), to: params.value.get("to") };
  const own = params.value.get("own") === "1";
  const tail = params.value.get("tail") === "1";
  const narrow = useMedia("(max-width: 900px)");
  useEffect(() => view.want({ q, range, columns: "", own }), [q, range.from, range.to, own]);
  useEffect(() => () => view.pause(), []);
  const onTerm = (term: string, out: boolean) => setQuery(toggled(q, term, out));
  view.version.value;
  const chosen = selection.value;
  const eventId = chosen !== null && "event" in chosen ? chosen.event : null;
  const isUnused = view.list.lines.length === 0 && view.state.value === "ready" && view.list.cursor === null;
  const isBare = isUnused && q === "" && (range.from ?? range.to) === null; // nothing to count
  const failure = view.state.value === "ready" ? (view.summaryFailure.value ?? view.aroundFailure.value) : null;
  return (
    <div class="list-page">
      <h1 class="sr-only">Logs</h1>
      <div class="list-tools">
        <QueryBox
          view="logs"
          value={q}
          onApply={setQuery}
          label="Search logs"
          placeholder={
            narrow ? "Search logs" : 'Search logs: "connection reset" level:>=warn task:send-email user.id:5'
          }
        />
        <div class="list-choices">
          <TimeRange range={range} onRange={setRange} />
          <Button
            kind="quiet"
            label="Show what runlog tells of its workers and instrumentations"
            pressed={own}
            onClick={() => setParams({ own: own ? null : "1" }, "push")}
          >
            runlog's own lines
          </Button>
          <Button
            icon="down"
            label="Newest at the end, and go on with them (t)"
            pressed={tail}
            onClick={() => setParams({ tail: tail ? null : "1" }, "push")}
          >
            Tail
          </Button>
        </div>
      </div>
      {view.state.value !== "failed" && !isBare && (
        <Histogram
          data={view.histogram.value}
          series={LEVELS.map((level) => ({
            key: level,
            label: level,
            color: `--fill-${level}`,
            pressed: stance(q, `level:${level}`) === "for",
          }))}
          unit="lines"
          title={<Summary view={view} />}
          onZoom={(from, to) => setRange(between(from, to))}
          onSeries={(key, out) => onTerm(`level:${key}`, out)}
        />
      )}
      {failure !== null && <Failed error={failure} inline />}
      <div class="list-body">
        <section class="list-main" aria-label="Lines">
          {view.list.lines.length === 0 ? (
            <Nothing search={view} noun="line" hasQuery={q !== ""} hasRange={(range.from ?? range.to) !== null}>
              <FirstLine />
            </Nothing>
          ) : (
            <>
              <LineList key={String(tail)} view={view} tail={tail} eventId={eventId} onTerm={onTerm} />
              <LinesFoot view={view} />
            </>
          )}
        </section>
        {eventId !== null && (
          <div class="lines-side">
            <Inspector
              eventId={eventId}
              filters={{
                onFilter: onTerm,
                onSearch: (term, where) => navigate(`/${where}?${new URLSearchParams({ q: term })}`),
              }}
              onClose={() => select(null)}
            />
          </div>
        )}
      </div>
    </div>
  );
}

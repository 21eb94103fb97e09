// What goes wrong, each kind once: how often, since when, in which tasks.
import { useEffect, useRef } from "preact/hooks";
import type { ErrorGroup } from "../api/types";
import { visible } from "../format/ansi";
import { count, plural, shortCount } from "../format/number";
import { ALL, type Range } from "../format/range";
import { shortTime } from "../format/time";
import { Button } from "../parts/Button";
import { DataText } from "../parts/DataText";
import { Menu } from "../parts/Menu";
import { QueryBox } from "../parts/QueryBox";
import { Counted, Pill } from "../parts/SearchNotes";
import { Empty, Failed, Loading } from "../parts/states";
import { Time } from "../parts/Time";
import { TimeRange } from "../parts/TimeRange";
import { VirtualList, type VirtualListHandle } from "../parts/VirtualList";
import { serverNow } from "../state/clock";
import { useKeys } from "../state/keys";
import { useMedia } from "../state/media";
import { navigate, params, setParams } from "../state/url";
import { ErrorPage } from "./ErrorPage";
import { SORTS, sortOf } from "./groups";
import { Kind } from "./Kind";
import { errorsRange, rangeParams } from "./range";
import { Spark } from "./Spark";
import { ErrorsView } from "./view";
import "./errors.css";

/** Kept while another view is shown: the back button leads to the list as it was. */
const view = new ErrorsView();

const ROW = 50;
const CARD = 84;

/** The groups of errors, or with `id` (a fingerprint) one of them. */
export function ErrorsPage({ id }: { id?: string | undefined }) {
  return id === undefined ? <List /> : <ErrorPage fingerprint={id} />;
}

function List() {
  const q = params.value.get("q") ?? "";
  const range = errorsRange(params.value);
  const sort = sortOf(params.value.get("sort"));
  const narrow = useMedia("(max-width: 900px)");
  useEffect(() => view.want({ q, range, sort }), [q, range.from, range.to, sort]);
  useEffect(() => () => view.following.pause(), []);
  view.version.value;
  const { shown, waiting, gone } = view.groups;
  const answer = view.following.answer.value;
  return (
    <div class="list-page">
      <h1 class="sr-only">Errors</h1>
      <div class="list-tools">
        <QueryBox
          view="logs"
          value={q}
          onApply={(query) => setParams({ q: query, selected: null }, "push")}
          label="Search errors"
          placeholder={narrow ? "Search errors" : 'Search errors: "connection reset" task:send-email user.id:5'}
        />
        <div class="list-choices">
          <TimeRange
            range={range}
            onRange={(next: Range) => setParams({ ...rangeParams(next), selected: null }, "push")}
          />
          <Menu
            icon="queue"
            label="Order"
            align="end"
            items={SORTS.map((one) => ({
              label: one.label,
              checked: one.sort === sort,
              run: () => setParams({ sort: one.sort === "last" ? null : one.sort }, "push"),
            }))}
          >
            {SORTS.find((one) => one.sort === sort)?.label}
          </Menu>
        </div>
      </div>
      <div class="errors-head">
        <Counted total={answer?.total ?? null} searchedTo={answer?.searched_to ?? null} noun="kind" />
        {shown.length > 0 && answer !== null && (
          <span class="soft">
            {plural(
              shown.reduce((sum, group) => sum + group.count, 0),
              "error",
            )}
            {shown.length + waiting.length < answer.total && `; ${count(shown.length)} kinds shown`}
          </span>
        )}
      </div>
      {view.following.failure.value !== null && shown.length > 0 && (
        <Failed error={view.following.failure.value} inline />
      )}
      <div class="list-body">
        <section class="list-main" aria-label="Kinds of errors">
          <Pill text={news(waiting.length, gone)} onShow={() => view.tidy()} />
          {shown.length > 0 ? (
            <Rows groups={shown} />
          ) : (
            <Nothing hasQuery={q !== ""} hasRange={(range.from ?? range.to) !== null} />
          )}
        </section>
      </div>
    </div>
  );
}

function news(waiting: number, gone: number): string | null {
  if (waiting > 0) return `↑ ${plural(waiting, "new kind")}`;
  return gone > 0 ? `${count(gone)} no longer in this time: tidy up` : null;
}

function Rows({ groups }: { groups: readonly ErrorGroup[] }) {
  const list = useRef<VirtualListHandle>(null);
  const cards = useMedia("(max-width: 720px)");
  const chosen = params.value.get("selected");
  const found = groups.findIndex((group) => group.fingerprint === chosen);
  const selected = found < 0 ? null : found;
  const choose = (at: number) => {
    const group = groups[Math.max(0, Math.min(groups.length - 1, at))];
    if (!group) return;
    list.current?.scrollTo(groups.indexOf(group));
    list.current?.focus();
    setParams({ selected: group.fingerprint }, "replace");
  };
  useKeys("Errors", [
    { key: "j", label: "Next kind", run: () => choose(found + 1) },
    { key: "k", label: "Kind before", run: () => choose(found < 0 ? groups.length - 1 : found - 1) },
    { key: "Enter", label: "Open it", run: () => open(groups[found]) },
    { key: "n", label: "Show new kinds", run: () => view.tidy() },
    { key: "r", label: "Load again", run: () => view.following.reload() },
  ]);
  useEffect(() => {
    if (selected !== null) list.current?.scrollTo(selected, "center"); // back from it
  }, []);
  return (
    <VirtualList
      ref={list}
      class={cards ? "errors errors-cards" : "errors"}
      label="Kinds of errors"
      count={groups.length}
      rowHeight={cards ? CARD : ROW}
      cells
      header={cards ? undefined : <Header />}
      keyOf={(at) => groups[at]?.fingerprint ?? at}
      rowClass={(at) => (groups[at]?.count === 0 ? "error-gone" : undefined)}
      selected={selected}
      onSelect={(at, event) => (event.type === "click" ? open(groups[at]) : choose(at))}
      onActivate={(at) => open(groups[at])}
      render={(at) => {
        const group = groups[at];
        return group ? <Row group={group} isCard={cards} /> : null;
      }}
    />
  );
}

function open(group: ErrorGroup | undefined): void {
  if (!group || getSelection()?.isCollapsed === false) return;
  setParams({ selected: group.fingerprint }, "replace");
  const kept = new URLSearchParams(params.peek());
  kept.delete("selected");
  navigate(`/errors/${encodeURIComponent(group.fingerprint)}${kept.size > 0 ? `?${kept}` : ""}`);
}

function Header() {
  return (
    <>
      <div role="columnheader" class="error-cell error-what">
        What went wrong
      </div>
      <div role="columnheader" class="error-cell error-spark">
        Over time
      </div>
      <div role="columnheader" class="error-cell error-number">
        Count
      </div>
      <div role="columnheader" class="error-cell error-number">
        Runs
      </div>
      <div role="columnheader" class="error-cell error-time">
        First seen
      </div>
      <div role="columnheader" class="error-cell error-time">
        Last seen
      </div>
    </>
  );
}

function Row({ group, isCard }: { group: ErrorGroup; isCard: boolean }) {
  const title = (
    <p class="error-title cut">
      <strong title={visible(group.type)}>{visible(group.type.split(".").at(-1) ?? "")}</strong>
      {!isCard && <DataText text={firstLine(group.message)} />}
    </p>
  );
  if (isCard) {
    return (
      <div role="gridcell" class="error-card">
        <div class="error-line">
          {title}
          <span class="error-count">{shortCount(group.count)}×</span>
        </div>
        <p class="cut">
          <DataText text={firstLine(group.message)} />
        </p>
        <div class="error-line">
          <About group={group} />
          <Time ms={group.last} form="ago" />
        </div>
      </div>
    );
  }
  return (
    <>
      <div role="gridcell" class="error-cell error-what">
        {title}
        <About group={group} />
      </div>
      <div role="gridcell" class="error-cell error-spark">
        <Spark counts={group.spark} />
      </div>
      <div role="gridcell" class="error-cell error-number" title={count(group.count)}>
        {shortCount(group.count)}
      </div>
      <div role="gridcell" class="error-cell error-number" title={count(group.runs)}>
        {shortCount(group.runs)}
      </div>
      <div role="gridcell" class="error-cell error-time">
        <Time ms={group.first} form="ago" />
      </div>
      <div role="gridcell" class="error-cell error-time">
        <Time ms={group.last} form="ago" />
      </div>
    </>
  );
}

function About({ group }: { group: ErrorGroup }) {
  return (
    <p class="error-about cut">
      <Kind kind={group.kind} />
      {visible(group.tasks.slice(0, 3).join(", "))}
      {group.tasks.length > 3 && ` and ${group.tasks.length - 3} more`}
    </p>
  );
}

function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0] ?? "";
}

function Nothing({ hasQuery, hasRange }: { hasQuery: boolean; hasRange: boolean }) {
  const answer = view.following.answer.value;
  if (view.following.failure.value !== null)
    return <Failed error={view.following.failure.value} onRetry={() => view.following.reload()} />;
  if (answer === null) return <Loading what="Looking for errors" />;
  const back = answer.searched_to;
  if (back !== null) {
    return (
      <Empty title={`No error back to ${shortTime(back, serverNow())}`}>
        <p>What is older was not looked at: the time for one search was over. A shorter time is searched whole.</p>
      </Empty>
    );
  }
  if (!hasQuery && !hasRange) {
    return (
      <Empty title="No errors">
        <p>Failures of runs and exceptions that are logged gather here, each kind once.</p>
      </Empty>
    );
  }
  return (
    <Empty title={hasQuery ? "No error matches" : "No errors in this time"}>
      <p class="state-actions">
        {hasQuery && (
          <Button icon="cross" onClick={() => setParams({ q: null }, "push")}>
            Clear the query
          </Button>
        )}
        {hasRange && (
          <Button icon="clock" onClick={() => setParams(rangeParams(ALL), "push")}>
            Look in all time
          </Button>
        )}
      </p>
    </Empty>
  );
}

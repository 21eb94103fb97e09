import { useEffect, useRef, useState } from "preact/hooks";
import type { Log } from "../api/types";
import { plural } from "../format/number";
import { sameDay } from "../format/time";
import { VirtualList, type VirtualListHandle } from "../parts/VirtualList";
import { serverNow } from "../state/clock";
import { useKeys } from "../state/keys";
import { useMedia } from "../state/media";
import { rowHeight } from "../state/rows";
import { select } from "../state/selection";
import { navigate, setParams } from "../state/url";
import { idOf } from "./lines";
import { NewLines } from "./notes";
import { linePath, Row, rowClass } from "./Row";
import type { LogsView } from "./view";

export interface LineListProps {
  view: LogsView;
  /** Newest at the end. */
  tail: boolean;
  /** The line that is in the inspector. */
  eventId: number | null;
  onTerm: (term: string, out: boolean) => void;
}

const COMPACT = 22;
const TWO_LINES = 46;

export function LineList({ view, tail, eventId, onTerm }: LineListProps) {
  const list = useRef<VirtualListHandle>(null);
  const narrow = useMedia("(max-width: 640px)");
  view.version.value;
  const { lines } = view.list;
  const count = lines.length;
  const line = (index: number) => lines[tail ? count - 1 - index : index];
  const found = eventId === null ? -1 : view.list.indexOf(eventId);
  const selected = found < 0 ? null : tail ? count - 1 - found : found;
  const oldest = lines.at(-1);
  const dated = oldest !== undefined && "log" in oldest && !sameDay(oldest.log.time, serverNow());
  const follows = tail && !view.paused.value && view.atEdge;
  useState(() => {
    view.atEdge = selected === null; // a tail begins at its end, unless it is about a line
  });
  useLineKeys({ view, tail, selected, count, line: (index) => line(index), list });
  useEffect(() => {
    if (selected !== null) list.current?.scrollTo(selected, "center"); // of a link, or back from a run
  }, []);
  const row = (index: number) => {
    const shown = line(index);
    if (!shown) return null;
    if ("gap" in shown)
      return <p class="line-gap">{plural(shown.gap, "line")} left out: they came too fast to follow</p>;
    const { log } = shown;
    const open = view.list.isOpen(log.id);
    return (
      <Row
        log={log}
        dated={dated}
        open={open}
        onAround={(...line) => void view.toggleAround(...line)}
        onTerm={onTerm}
      />
    );
  };
  const edge = tail
    ? { follow: follows, onFollow: (atEnd: boolean) => view.moved(atEnd) }
    : { onTop: (atTop: boolean) => view.moved(atTop), onEnd: () => pageOn(view) };
  return (
    <>
      {tail && <Older view={view} list={list} />}
      <VirtualList
        ref={list}
        class={narrow ? "lines-table lines-cards" : dated ? "lines-table lines-dated" : "lines-table"}
        count={count}
        rowHeight={narrow ? TWO_LINES : Math.max(COMPACT, rowHeight.value - 6)}
        label="Log lines"
        render={row}
        keyOf={(index) => keyOf(line(index), index)}
        rowClass={(index) => classOf(line(index))}
        selected={selected}
        onSelect={(index, event) => {
          const shown = line(index);
          if (!shown || !("log" in shown)) return;
          if (event.type === "click" && getSelection()?.isCollapsed === false) return;
          select({ event: shown.log.id });
        }}
        onActivate={(index) => openRun(logOf(line(index)))}
        {...edge}
      />
      <NewLines view={view} tail={tail} />
    </>
  );
}

type Shown = LogsView["list"]["lines"][number] | undefined;

function keyOf(line: Shown, index: number): number {
  return line ? idOf(line) : index;
}

function classOf(line: Shown): string | undefined {
  return line && "log" in line ? rowClass(line.log, line.around) : undefined;
}

function logOf(line: Shown): Log | null {
  return line && "log" in line ? line.log : null;
}

function openRun(log: Log | null): void {
  const path = log && linePath(log);
  if (path) navigate(path);
}

function pageOn(view: LogsView): void {
  if (view.list.searchedTo === null && view.moreFailure.peek() === null) void view.more();
}

interface KeysProps {
  view: LogsView;
  tail: boolean;
  selected: number | null;
  count: number;
  line: (index: number) => Shown;
  list: { current: VirtualListHandle | null };
}

function useLineKeys({ view, tail, selected, count, line, list }: KeysProps): void {
  const step = (by: number) => {
    const from = selected ?? (by > 0 ? -1 : count);
    for (let at = from + by; at >= 0 && at < count; at += by) {
      const log = logOf(line(at));
      if (!log) continue;
      list.current?.scrollTo(at);
      list.current?.focus();
      select({ event: log.id });
      return;
    }
  };
  const current = selected === null ? null : logOf(line(selected));
  useKeys("Logs", [
    { key: "j", label: "Next line", run: () => step(1) },
    { key: "k", label: "Line before", run: () => step(-1) },
    { key: "Enter", label: "To the line in its run", run: () => openRun(current) },
    {
      key: "c",
      label: "The lines around it in its run",
      run: () => void (current && view.toggleAround(current, false)),
    },
    {
      key: "C",
      label: "The lines around it of all runs",
      run: () => void (current && view.toggleAround(current, true)),
    },
    { key: "t", label: "Newest at the end, or first", run: () => setParams({ tail: tail ? null : "1" }, "push") },
    { key: "n", label: "Show new lines", run: () => view.show() },
    { key: "Space", label: "Hold new lines back, or go on", run: () => view.pauseOrGoOn() },
    { key: "r", label: "Load again", run: () => view.reload() },
  ]);
}

/** Before the first of a tail: what is older. */
function Older({ view, list }: { view: LogsView; list: { current: VirtualListHandle | null } }) {
  if (view.list.cursor === null || view.list.searchedTo !== null) return null;
  return (
    <button
      type="button"
      class="lines-older text-button"
      disabled={view.searching.value}
      onClick={async () => {
        const before = view.list.lines.length;
        await view.more();
        view.atEdge = false;
        list.current?.scrollTo(view.list.lines.length - before, "start");
      }}
    >
      {view.searching.value ? "Loading…" : "Older lines"}
    </button>
  );
}

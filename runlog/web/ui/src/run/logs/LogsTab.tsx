// The logs of this run, one after the other.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { visible } from "../../format/ansi";
import { count, plural } from "../../format/number";
import { levelName } from "../../format/status";
import { preciseTime } from "../../format/time";
import { Button } from "../../parts/Button";
import { Icon } from "../../parts/Icon";
import { VirtualList, type VirtualListHandle } from "../../parts/VirtualList";
import { useKeys } from "../../state/keys";
import { select, selection } from "../../state/selection";
import { params, setParams } from "../../state/url";
import { sinceStart } from "../inspector/words";
import type { TraceStore } from "../timeline/store";
import { LogText, Ruler } from "./LogText";
import { LevelChoice, None, TextFilter } from "./LogTools";
import { LogList } from "./list";
import { countLines, LineMap } from "./wrap";
import "./logs.css";

const ROW = 22;
/** Before the name of a logger of the standard library. */
const STDLIB = "logging:";
const NUMBERS: Record<string, number> = { debug: 0, info: 9, warn: 13, error: 17 };

interface LogsTabProps {
  store: TraceStore;
  /** More logs may come. */
  isGoing: boolean;
  /** Into the inspector of the selected log. */
  onOpen: () => void;
}

export function LogsTab({ store, isGoing, onOpen }: LogsTabProps) {
  const view = useLogView(store);
  const { list, map, isWrapped, columns } = view;
  const [isFollowing, setFollowing] = useState(isGoing && selection.peek() === null);
  const unread = useUnread(list.count, isFollowing || !isGoing || store.isLoading);
  const scroller = useRef<VirtualListHandle>(null);
  const filter = useRef<HTMLInputElement>(null);
  const chosen = selection.value;
  const row = chosen !== null && "event" in chosen ? store.rowOfEvent(chosen.event) : -1;
  const selected = row < 0 ? -1 : list.indexOf(row);
  const shownLine = selected < 0 ? null : isWrapped ? map.startOf(selected) : selected;
  useReveal(shownLine, list.count > 0, scroller);
  const choose = (index: number) => {
    const chosenRow = list.rows[index];
    const id = chosenRow === undefined ? 0 : (store.rows.id[chosenRow] as number);
    if (id > 0 && index < list.count) select({ event: id });
  };
  const at = (line: number) => (isWrapped ? map.at(line) : { index: line, part: 0 });
  useKeys("Logs", [
    { key: "/", label: "Filter the logs", run: () => filter.current?.focus() },
    { key: "w", label: "Whole lines or one line each", run: () => view.toggle("wrap", isWrapped) },
    { key: "t", label: "Time since the start or of the day", run: () => view.toggle("clock", view.isAbsolute) },
    ...(isGoing ? [{ key: "F", label: "Follow", run: () => setFollowing(!isFollowing) }] : []),
  ]);
  return (
    <div class="logs">
      <div class="logs-tools">
        <LevelChoice />
        <TextFilter inputRef={filter} onLeave={() => scroller.current?.focus()} />
        <span class="logs-count" role="status">
          {list.count === list.total
            ? plural(list.total, "log")
            : `${count(list.count)} of ${plural(list.total, "log")}`}
          {store.isLoading && " so far"}
        </span>
        <Button
          kind="quiet"
          icon="clock"
          pressed={view.isAbsolute}
          label="Time of day instead of time since the start (t)"
          onClick={() => view.toggle("clock", view.isAbsolute)}
        />
        <Button
          kind="quiet"
          icon="menu"
          pressed={isWrapped}
          label="Whole messages instead of one line each (w)"
          onClick={() => view.toggle("wrap", isWrapped)}
        />
        {isGoing && (
          <Button
            kind="quiet"
            icon="down"
            pressed={isFollowing}
            label="Follow: keep the newest in sight (F)"
            onClick={() => setFollowing(!isFollowing)}
          >
            follow
          </Button>
        )}
      </div>
      <Ruler onColumns={view.setColumns} />
      {list.count === 0 ? (
        <None list={list} isLoading={store.isLoading} isGoing={isGoing} />
      ) : (
        <VirtualList
          ref={scroller}
          class="logs-list"
          label="Logs of this run"
          count={isWrapped ? map.lines : list.count}
          rowHeight={ROW}
          selected={shownLine}
          follow={isFollowing}
          onFollow={(follows) => {
            if (follows !== isFollowing) setFollowing(follows && isGoing);
          }}
          rowClass={(line) => {
            const { index, part } = at(line);
            const level = levelName(store.rows.level[list.rows[index] as number] as number);
            return `log log-${level}${index === selected ? " selected" : ""}${part > 0 ? " log-more" : ""}`;
          }}
          onSelect={(line) => choose(at(line).index)}
          onActivate={onOpen}
          onKey={(event) => {
            const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
            if (!isWrapped || step === 0 || selected < 0) return false;
            choose(selected + step);
            return true;
          }}
          render={(line) => {
            const { index, part } = at(line);
            const logRow = list.rows[index] as number;
            return <Line store={store} row={logRow} part={part} columns={columns} isAbsolute={view.isAbsolute} />;
          }}
        />
      )}
      {unread > 0 && (
        <button type="button" class="logs-new" onClick={() => setFollowing(true)}>
          <Icon name="down" />
          {count(unread)} new
        </button>
      )}
    </div>
  );
}

interface LineProps {
  store: TraceStore;
  row: number;
  part: number;
  columns: number;
  isAbsolute: boolean;
}

function Line({ store, row, part, columns, isAbsolute }: LineProps) {
  const { rows } = store;
  const level = levelName(rows.level[row] as number);
  if (part > 0) {
    return (
      <>
        <span class="log-time" />
        <span class="log-level" />
        <span class="log-source" />
        <LogText store={store} row={row} part={part} columns={columns} />
      </>
    );
  }
  const time = store.origin + (rows.start[row] as number) / 1e6;
  const source = store.name(row);
  return (
    <>
      <span class="log-time">{isAbsolute ? preciseTime(time) : sinceStart(time, store.origin)}</span>
      <span class={`log-level level-${level}`}>{level}</span>
      <span
        class={`log-source log-from-${source === "stderr" || source === "stdout" ? source : "other"}`}
        title={source}
      >
        {visible(source.startsWith(STDLIB) ? source.slice(STDLIB.length) : source)}
      </span>
      <LogText store={store} row={row} part={part} columns={columns} />
    </>
  );
}

function useLogView(store: TraceStore) {
  const list = useMemo(() => new LogList(store), [store]);
  const map = useMemo(() => new LineMap(), [list]);
  const [columns, setColumns] = useState(80);
  const query = params.value;
  const isWrapped = query.get("wrap") === "1";
  const isAbsolute = query.get("clock") === "1";
  const text = query.get("text") ?? "";
  const level = NUMBERS[query.get("level") ?? ""] ?? 0;
  store.version.value; // what has come
  if (list.criteria.text !== text || list.criteria.level !== level) list.setCriteria({ text, level });
  list.update();
  const width = isWrapped ? columns : Number.POSITIVE_INFINITY;
  const before = useRef(width);
  if (isWrapped) {
    const from = before.current === width ? list.changedFrom : 0;
    map.update(from, list.count, (index) => countLines(store.message(list.rows[index] as number), width));
    list.settled();
  } else list.changedFrom = 0;
  before.current = width;
  return {
    list,
    map,
    isWrapped,
    isAbsolute,
    columns: width,
    setColumns,
    toggle: (name: string, on: boolean) => setParams({ [name]: on ? null : "1" }, "replace"),
  };
}

/** How many came since one stopped following: since all that there were had been seen. */
function useUnread(total: number, isSeen: boolean): number {
  const seen = useRef(total);
  seen.current = isSeen ? total : Math.min(seen.current, total);
  return total - seen.current;
}

/** Bring the selected one into sight when it becomes another, as by a link or from the timeline. */
function useReveal(line: number | null, isReady: boolean, list: { current: VirtualListHandle | null }): void {
  const shown = useRef<number | null>(null);
  useEffect(() => {
    if (line !== null && isReady && shown.current !== line) {
      list.current?.scrollTo(line, shown.current === null ? "center" : "nearest");
    }
    shown.current = isReady ? line : null;
  }, [line, isReady, list]);
}

// What a list that is searched says around its rows: there are none, how far the search has come, what failed.
import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { count, plural } from "../format/number";
import { shortTime } from "../format/time";
import { serverNow } from "../state/clock";
import { setParams } from "../state/url";
import { Button } from "./Button";
import { asProblem, Empty, Failed, Loading } from "./states";
import "./list-page.css";

/** A search as far as its notes are concerned; see state/search.ts. */
export interface Searched {
  readonly state: ReadonlySignal<"loading" | "ready" | "failed">;
  readonly failure: ReadonlySignal<unknown>;
  readonly searching: ReadonlySignal<boolean>;
  readonly moreFailure: ReadonlySignal<unknown>;
  readonly version: ReadonlySignal<number>;
  readonly list: { readonly length: number; readonly cursor: string | null; readonly searchedTo: number | null };
  more(): Promise<void>;
  reload(): void;
}

export interface NothingProps {
  search: Searched;
  /** One of them: "run". */
  noun: string;
  hasQuery: boolean;
  hasRange: boolean;
  /** What to say where nothing was ever recorded. */
  children: ComponentChildren;
}

/** What stands in the place of the rows while there are none. */
export function Nothing({ search, noun, hasQuery, hasRange, children }: NothingProps) {
  search.version.value;
  const { searchedTo, cursor } = search.list;
  if (search.state.value === "failed") return <Refused search={search} />;
  if (search.state.value === "loading") return <Skeleton what={`Looking for ${noun}s`} />;
  const back = searchedTo === null ? undefined : backTo(searchedTo);
  if (search.searching.value) return <Loading what="Searching" progress={back} />;
  if (cursor !== null && back !== undefined) {
    return (
      <Empty title={`No match ${back}`}>
        <p>This query has no index: it is searched bit by bit.</p>
        <Button kind="primary" onClick={() => void search.more()}>
          Search further back
        </Button>
      </Empty>
    );
  }
  if (!hasQuery && !hasRange) return <>{children}</>;
  return (
    <Empty title={`No ${noun} matches`}>
      <p class="state-actions">
        {hasQuery && (
          <Button icon="cross" onClick={() => setParams({ q: null }, "push")}>
            Clear the query
          </Button>
        )}
        {hasRange && (
          <Button icon="clock" onClick={() => setParams({ from: null, to: null }, "push")}>
            Look in all time
          </Button>
        )}
      </p>
    </Empty>
  );
}

/** The list could not be had; a query that is not understood is shown where it is. */
function Refused({ search }: { search: Searched }) {
  const failure = search.failure.value;
  const { position, what } = asProblem(failure);
  if (position === undefined) return <Failed error={failure} onRetry={() => search.reload()} />;
  return (
    <Empty title={`The query is not understood: ${what}`}>
      <Button icon="cross" onClick={() => setParams({ q: null }, "push")}>
        Clear the query
      </Button>
    </Empty>
  );
}

const WIDTHS = [62, 48, 71, 55, 66, 43, 58, 69, 51, 64, 46, 60];

/** Rows that are to come; they show themselves only after a moment. */
function Skeleton({ what }: { what: string }) {
  return (
    <div class="list-skeleton" role="status" aria-busy aria-label={what}>
      {WIDTHS.map((width) => (
        <div key={width}>
          <span class="skeleton" style={{ width: "8%" }} />
          <span class="skeleton" style={{ width: `${width / 4}%` }} />
          <span class="skeleton" style={{ width: `${width / 1.6}%` }} />
        </div>
      ))}
    </div>
  );
}

/** The end of the list, where there is more than it shows. */
export function Foot({ search }: { search: Searched }) {
  search.version.value;
  const { length, cursor, searchedTo } = search.list;
  const failure = search.moreFailure.value;
  if (failure !== null) return <Failed error={failure} onRetry={() => void search.more()} inline />;
  if (searchedTo === null) return null;
  return (
    <p class="list-foot">
      <span>
        {count(length)} found; searched {backTo(searchedTo)}
      </span>
      {cursor !== null && (
        <Button disabled={search.searching.value} onClick={() => void search.more()}>
          {search.searching.value ? "Searching…" : "Search further back"}
        </Button>
      )}
    </p>
  );
}

/** How many there are, of the whole log unless it says how far back. */
export function Counted({
  total,
  searchedTo,
  noun,
}: {
  total: number | null;
  searchedTo: number | null;
  noun: string;
}) {
  return (
    <strong class="list-count">
      {total === null ? <span class="skeleton" /> : plural(total, noun)}
      {searchedTo !== null && <span class="soft"> counted {backTo(searchedTo)}</span>}
    </strong>
  );
}

/** What came in and waits to be shown: nothing moves before. */
export function Pill({ text, end = false, onShow }: { text: string | null; end?: boolean; onShow: () => void }) {
  return (
    <div class={end ? "list-new list-new-end" : "list-new"} role="status">
      {text !== null && (
        <button type="button" class="list-pill" onClick={onShow}>
          {text}
        </button>
      )}
    </div>
  );
}

function backTo(time: number): string {
  return `back to ${shortTime(time, serverNow())}`;
}

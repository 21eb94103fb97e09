// What values there are, and how often: a click keeps only one, or leaves it out.
import { useState } from "preact/hooks";
import type { Facet, FacetValue, Problem } from "../api/types";
import { visible } from "../format/ansi";
import { count } from "../format/number";
import { stance, toggled } from "../format/query";
import { shortTime } from "../format/time";
import { serverNow } from "../state/clock";
import { Button } from "./Button";
import { Icon } from "./Icon";
import "./facets.css";

export interface FacetsProps {
  facets: readonly Facet[] | null;
  query: string;
  onQuery: (query: string) => void;
  /** What is counted: "runs". */
  unit: string;
  /** How a facet or one of its values is called where it is not its key. */
  labelOf?: (key: string, value?: string) => string | undefined;
  /** Facets that were asked for, which can be taken away again. */
  added: readonly string[];
  /** Why the last that was asked for cannot be counted. */
  problem: Problem | null;
  onAdd: (key: string) => void;
  onDrop: (key: string) => void;
}

const FEW = 6;

export function Facets(props: FacetsProps) {
  const { facets, added } = props;
  const part = commonPart(facets ?? [], props.unit);
  const pending = added.filter((key) => !facets?.some((facet) => facet.key === key));
  return (
    <div class="facets">
      {facets === null && <Skeleton />}
      {part !== null && <p class="facet-note">{part}</p>}
      {facets
        ?.filter((facet) => facet.values.length > 0 || added.includes(facet.key))
        .map((facet) => (
          <FacetList key={facet.key} facet={facet} told={part} {...props} />
        ))}
      {facets !== null &&
        pending.map((key) => (
          <p key={key} class="facet-note">
            counting {key}…
          </p>
        ))}
      <AddFacet onAdd={props.onAdd} />
      {props.problem && (
        <p class="facet-note facet-problem" role="alert">
          {[props.problem.what, props.problem.why, props.problem.fix].filter(Boolean).join("; ")}
        </p>
      )}
    </div>
  );
}

/** What all are counted of, where it is a part and the same for all. */
function commonPart(facets: readonly Facet[], unit: string): string | null {
  const parts = new Set(facets.map((facet) => partOf(facet, unit)));
  return parts.size === 1 ? ([...parts][0] ?? null) : null;
}

function partOf(facet: Facet, unit: string): string | null {
  if (facet.searched_to === null) return null;
  return `of the newest ${count(facet.counted)} ${unit}, back to ${shortTime(facet.searched_to, serverNow())}`;
}

/** `told`: what is said above all of them. */
function FacetList({ facet, told, ...props }: FacetsProps & { facet: Facet; told: string | null }) {
  const [all, setAll] = useState(false);
  const { query, labelOf, added, onDrop } = props;
  const chosen = facet.values.filter((value) => stance(query, value.term) !== null);
  const shown = all ? facet.values : [...new Set([...facet.values.slice(0, FEW), ...chosen])];
  const hidden = facet.values.length - shown.length;
  const most = facet.values.reduce((found, value) => Math.max(found, value.count), 1);
  return (
    <section class="facet" aria-label={facet.key}>
      <h2>
        {labelOf?.(facet.key) ?? facet.key}
        {added.includes(facet.key) && (
          <Button kind="quiet" icon="cross" label={`No longer count ${facet.key}`} onClick={() => onDrop(facet.key)} />
        )}
      </h2>
      {facet.values.length === 0 && <p class="facet-note">no run has it</p>}
      <ul>
        {shown.map((value) => (
          <Value key={value.value} facet={facet} value={value} most={most} {...props} />
        ))}
      </ul>
      {(hidden > 0 || all) && (
        <button type="button" class="facet-more" onClick={() => setAll(!all)}>
          {all ? "fewer" : `${hidden} more`}
        </button>
      )}
      <Honesty facet={facet} told={told} all={hidden === 0} unit={props.unit} />
    </section>
  );
}

interface HonestyProps {
  facet: Facet;
  told: string | null;
  all: boolean;
  unit: string;
}

/** Where the counts are not of everything, that is said. */
function Honesty({ facet, told, all, unit }: HonestyProps) {
  const notes: string[] = [];
  const part = partOf(facet, unit);
  if (part !== null && part !== told) notes.push(part);
  if (facet.more && all) notes.push("rarer values are not listed");
  return notes.length ? <p class="facet-note">{notes.join("; ")}</p> : null;
}

interface ValueProps extends FacetsProps {
  facet: Facet;
  value: FacetValue;
  most: number;
}

function Value({ facet, value, most, query, onQuery, labelOf }: ValueProps) {
  const now = stance(query, value.term);
  const label = labelOf?.(facet.key, value.value) ?? (value.value || "(empty)");
  return (
    <li class={`facet-value${now ? ` facet-is-${now}` : ""}`}>
      <button
        type="button"
        class="facet-name"
        aria-pressed={now === "for"}
        title={`${value.value}\nOnly these; with Alt: without them`}
        onClick={(event) => onQuery(toggled(query, value.term, event.altKey))}
      >
        <i class="facet-share" style={{ width: `${(value.count / most) * 100}%` }} />
        <span class="facet-label">
          {now && <Icon name={now === "for" ? "check" : "minus"} />}
          <span class="cut">{visible(label)}</span>
        </span>
        <span class="facet-count" title={value.count > 0 ? undefined : "none with this query"}>
          {value.count > 0 && count(value.count)}
        </span>
      </button>
      <Button
        kind="quiet"
        class="facet-out"
        icon="minus"
        pressed={now === "out"}
        label={`Without ${label}`}
        onClick={() => onQuery(toggled(query, value.term, true))}
      />
    </li>
  );
}

function AddFacet({ onAdd }: { onAdd: (key: string) => void }) {
  const [key, setKey] = useState("");
  return (
    <form
      class="facet-add"
      onSubmit={(event) => {
        event.preventDefault();
        if (key.trim()) onAdd(key.trim());
        setKey("");
      }}
    >
      <input
        type="text"
        value={key}
        placeholder="count another key"
        aria-label="Count the values of another key"
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => setKey(event.currentTarget.value)}
      />
      <Button type="submit" kind="quiet" icon="plus" label="Count" disabled={!key.trim()} />
    </form>
  );
}

function Skeleton() {
  return (
    <div class="facet" aria-hidden>
      {[70, 50, 85, 40].map((width) => (
        <span key={width} class="skeleton" style={{ width: `${width}%` }} />
      ))}
    </div>
  );
}

// Attributes as they are: flat keys, whole values, and with each what one does with it.
import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { jsonText, kindOf } from "../format/json";
import { count } from "../format/number";
import { Button } from "./Button";
import { CopyButton, copyText } from "./CopyButton";
import { DataText } from "./DataText";
import { Menu } from "./Menu";
import "./data.css";

export interface AttributeFilters {
  /** Narrow what is shown to this term, or leave out what has it. */
  onFilter: (term: string, out: boolean) => void;
  /** Look for the term in the whole log. */
  onSearch?: (term: string, where: "logs" | "runs") => void;
}

export interface AttributesProps {
  attributes: readonly (readonly [string, unknown])[];
  /** For each attribute the query term that finds its value; null where none does. */
  terms?: readonly (string | null)[];
  /** Attribute → its original size, of those that were cut. */
  truncated?: ReadonlyMap<string, number>;
  filters?: AttributeFilters | undefined;
  label: string;
}

/** Characters of a value that are shown before one asks for the rest. */
const LONG = 600;

export function Attributes({ attributes, terms, truncated, filters, label }: AttributesProps) {
  if (attributes.length === 0) return null;
  return (
    <table class="attributes" aria-label={label}>
      <tbody>
        {attributes.map(([key, value], at) => (
          <tr key={key}>
            <th scope="row">
              <Key text={key} />
            </th>
            <td>
              <Value value={value} />
              {truncated?.has(key) && <p class="data-note">cut: it had {count(truncated.get(key) ?? 0)} characters</p>}
            </td>
            <td class="row-tools">
              <Tools name={key} value={value} term={terms?.[at] ?? null} filters={filters} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A key breaks behind its dots, if it has to. */
function Key({ text }: { text: string }) {
  const parts = text.split(/(?<=\.)/);
  if (parts.length > MOST_PARTS) return <DataText text={text} />;
  return (
    <>
      {parts.map((part, at) => (
        <Fragment key={`${at}`}>
          {at > 0 && <wbr />}
          <DataText text={part} />
        </Fragment>
      ))}
    </>
  );
}

const MOST_PARTS = 50;

interface ToolsProps {
  name: string;
  value: unknown;
  term: string | null;
  filters: AttributeFilters | undefined;
}

function Tools({ name, value, term, filters }: ToolsProps) {
  const text = plain(value);
  const search = filters?.onSearch;
  return (
    <span class="tools">
      {term !== null && filters && (
        <>
          <Button
            kind="quiet"
            icon="filter"
            label={`Only with ${term}`}
            onClick={() => filters.onFilter(term, false)}
          />
          <Button
            kind="quiet"
            icon="filterOut"
            label={`Without ${term}`}
            onClick={() => filters.onFilter(term, true)}
          />
        </>
      )}
      <CopyButton text={text} label={`Copy the value of ${name}`} />
      <Menu
        kind="quiet"
        icon="dots"
        label={`More of ${name}`}
        align="end"
        items={[
          ...(term !== null && filters
            ? [
                { label: "Only with it", icon: "filter" as const, run: () => filters.onFilter(term, false) },
                { label: "Without it", icon: "filterOut" as const, run: () => filters.onFilter(term, true) },
              ]
            : []),
          ...(term !== null && search
            ? [
                { label: "Find in all logs", icon: "search" as const, run: () => search(term, "logs") },
                { label: "Find runs with it", icon: "search" as const, run: () => search(term, "runs") },
              ]
            : []),
          ...(term !== null
            ? [{ label: "Copy as a query", icon: "copy" as const, run: () => void copyText(term) }]
            : []),
          { label: "Copy the value", icon: "copy", run: () => void copyText(text) },
          { label: "Copy the key", icon: "copy", run: () => void copyText(name) },
          { label: "Copy key and value", icon: "copy", run: () => void copyText(`${name}=${text}`) },
        ]}
      />
    </span>
  );
}

/** A value as it is: text as text, the rest as JSON. */
export function Value({ value }: { value: unknown }) {
  const [whole, setWhole] = useState(false);
  const text = plain(value);
  const shown = whole || text.length <= LONG ? text : text.slice(0, LONG);
  return (
    <>
      <span class={`value value-${kindOf(value)}`}>{text === "" ? <i>empty</i> : <DataText text={shown} />}</span>
      {shown.length < text.length && (
        <button type="button" class="text-button value-more" onClick={() => setWhole(true)}>
          … all {count(text.length)} characters
        </button>
      )}
    </>
  );
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : jsonText(value, 0);
}

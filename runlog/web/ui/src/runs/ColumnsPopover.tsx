import { useState } from "preact/hooks";
import { Button } from "../parts/Button";
import { Popover } from "../parts/Popover";
import { type Column, columnOf, isData, knownColumns, moved, readColumns } from "./columns";

export interface ColumnsProps {
  columns: readonly Column[];
  onColumns: (columns: readonly Column[]) => void;
}

/** Which columns the list has, and in which order. */
export function ColumnsPopover({ columns, onColumns }: ColumnsProps) {
  const others = knownColumns().filter((column) => !columns.some((one) => one.id === column.id));
  return (
    <Popover icon="columns" label="Columns" title="Columns" align="end">
      {() => (
        <div class="columns-panel">
          <ul>
            {columns.map((column, at) => (
              <li key={column.id}>
                <Check column={column} checked onChange={() => onColumns(columns.filter((one) => one !== column))} />
                <Button
                  kind="quiet"
                  icon="up"
                  label={`${column.label}: further left`}
                  disabled={at === 0}
                  onClick={() => onColumns(moved(columns, at, at - 1))}
                />
                <Button
                  kind="quiet"
                  icon="down"
                  label={`${column.label}: further right`}
                  disabled={at === columns.length - 1}
                  onClick={() => onColumns(moved(columns, at, at + 1))}
                />
              </li>
            ))}
          </ul>
          <DataColumn onAdd={(column) => onColumns([...columns.filter((one) => one.id !== column.id), column])} />
          <ul>
            {others.map((column) => (
              <li key={column.id}>
                <Check column={column} checked={false} onChange={() => onColumns([...columns, column])} />
              </li>
            ))}
          </ul>
          <Button icon="retry" onClick={() => onColumns(readColumns(null))}>
            The usual columns
          </Button>
        </div>
      )}
    </Popover>
  );
}

function Check({ column, checked, onChange }: { column: Column; checked: boolean; onChange: () => void }) {
  return (
    <label class="columns-check" title={column.about}>
      <input type="checkbox" checked={checked} onChange={onChange} />
      <span class={isData(column.id) ? "mono" : undefined}>{isData(column.id) ? column.id : column.label}</span>
    </label>
  );
}

/** A column of what the runs carry. */
function DataColumn({ onAdd }: { onAdd: (column: Column) => void }) {
  const [text, setText] = useState("");
  const column = isData(text.trim()) ? columnOf(text.trim()) : null;
  return (
    <form
      class="columns-add"
      onSubmit={(event) => {
        event.preventDefault();
        if (!column) return;
        onAdd(column);
        setText("");
      }}
    >
      <input
        class="field"
        type="text"
        spellcheck={false}
        autocomplete="off"
        value={text}
        placeholder="payload.user_id"
        aria-label="A column of the data: payload.x, output.x, metadata.x or attr.x"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <Button type="submit" icon="plus" label="Add: payload.x, output.x, metadata.x or attr.x" disabled={!column} />
    </form>
  );
}

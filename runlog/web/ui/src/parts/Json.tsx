// JSON of any size as a tree: only the rows in sight exist. The selected value is whole below it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Found, type JsonNode, JsonTree, jsonText, leafText, MOST_OPEN, pathOf, preview } from "../format/json";
import { isMarked } from "../format/marks";
import { count, plural } from "../format/number";
import { Button } from "./Button";
import { CopyButton } from "./CopyButton";
import { DataText } from "./DataText";
import { Icon } from "./Icon";
import { toast } from "./toast";
import { type TreeRow, VirtualList, type VirtualListHandle } from "./VirtualList";
import "./json.css";

const ROW = 22;
const MOST_ROWS = 24;
const LONG = 300;

export interface JsonProps {
  value: unknown;
  label: string;
  /** Take all the height there is, instead of as much as the rows need. */
  fill?: boolean;
}

export function Json({ value, label, fill = false }: JsonProps) {
  const tree = useMemo(() => new JsonTree(value), [value]);
  const [, redraw] = useState(0);
  const [raw, setRaw] = useState(false);
  const [selected, setSelected] = useState<number | null>(null);
  const list = useRef<VirtualListHandle>(null);
  const changed = () => redraw((n) => n + 1);
  const reveal = (found: Found) => {
    const row = tree.reveal(found);
    setSelected(row);
    changed();
    requestAnimationFrame(() => list.current?.scrollTo(row, "center"));
  };
  useEffect(() => setSelected(null), [tree]);
  if (tree.root.size === 0) return <Leaf value={value} label={label} />;
  const node = selected === null ? undefined : tree.rows[selected];
  return (
    <div class={fill ? "json json-fill" : "json"}>
      <div class="json-tools">
        <Search tree={tree} onFound={reveal} disabled={raw} label={label} />
        <span class="spring" />
        <Button
          kind="quiet"
          icon="plus"
          label="Expand all"
          disabled={raw}
          onClick={() => {
            if (!tree.openAll()) toast(`The first ${count(MOST_OPEN)} rows are expanded; there are more`);
            changed();
          }}
        />
        <Button
          kind="quiet"
          icon="minus"
          label="Collapse all"
          disabled={raw}
          onClick={() => {
            tree.closeAll();
            setSelected(null);
            changed();
          }}
        />
        <Button kind="quiet" pressed={raw} onClick={() => setRaw(!raw)} label="Show it as JSON text">
          raw
        </Button>
        <CopyButton text={() => jsonText(value)} label={`Copy the ${label} as JSON`} />
      </div>
      {raw ? (
        <Raw value={value} label={label} fill={fill} />
      ) : (
        <div
          class="json-rows"
          style={fill ? undefined : { height: `${Math.min(tree.rows.length, MOST_ROWS) * ROW}px` }}
        >
          <VirtualList
            ref={list}
            class="json-list"
            label={label}
            count={tree.rows.length}
            rowHeight={ROW}
            selected={selected}
            treeRow={(index) => treeRow(tree.rows[index])}
            onKey={(event) => {
              const next = onKey(event, tree, selected);
              if (next === null) return false;
              setSelected(next);
              changed();
              list.current?.scrollTo(next);
              return true;
            }}
            onSelect={(index, event) => {
              setSelected(index);
              const row = tree.rows[index];
              if (row && event.target instanceof Element && event.target.closest(".json-twist")) tree.toggle(row);
              changed();
            }}
            onActivate={(index) => {
              const row = tree.rows[index];
              if (row) tree.toggle(row);
              changed();
            }}
            render={(index) => <Row node={tree.rows[index]} />}
          />
        </div>
      )}
      {node && !raw && <Detail node={node} />}
    </div>
  );
}

function treeRow(node: JsonNode | undefined): TreeRow {
  return { level: (node?.depth ?? 0) + 1, expanded: node && node.size > 0 ? node.open : undefined };
}

/** The row that is selected next, after what the key did; null where it does nothing here. */
function onKey(event: KeyboardEvent, tree: JsonTree, selected: number | null): number | null {
  const node = selected === null ? undefined : tree.rows[selected];
  if (node === undefined || selected === null) return null;
  if (event.key === "ArrowRight" && node.size > 0) {
    if (node.open) return selected + 1;
    tree.toggle(node);
    return selected;
  }
  if (event.key === "ArrowLeft") {
    if (node.open && node.size > 0) {
      tree.toggle(node);
      return selected;
    }
    return node.parent === null ? selected : tree.rows.indexOf(node.parent);
  }
  return null;
}

function Row({ node }: { node: JsonNode | undefined }) {
  if (node === undefined) return null;
  const isBranch = node.size > 0;
  return (
    <span class="json-row" style={{ paddingLeft: `${4 + node.depth * 16}px` }}>
      {isBranch ? (
        <span class={node.open ? "json-twist open" : "json-twist"}>
          <Icon name="right" size={12} />
        </span>
      ) : (
        <span class="json-twist" />
      )}
      {node.key !== null && (
        <span class={typeof node.key === "number" ? "json-index" : "json-key"}>
          <DataText text={String(node.key)} />
          <span class="json-colon">:</span>
        </span>
      )}
      <Short node={node} />
    </span>
  );
}

function Short({ node }: { node: JsonNode }) {
  if (node.kind === "object" || node.kind === "array") {
    const size = node.kind === "array" ? plural(node.size, "item") : plural(node.size, "key");
    return (
      <span class="json-branch">
        {node.open ? node.kind === "array" ? "[ ]" : "{ }" : <DataText text={preview(node.value)} />}
        {node.size > 0 && <span class="json-size">{size}</span>}
      </span>
    );
  }
  const text = leafText(node.value);
  const long = text.length > LONG;
  if (typeof node.value === "string" && isMarked(node.value) && !long) {
    return (
      <span class="json-string">
        <DataText text={node.value} />
      </span>
    );
  }
  return (
    <span class={`json-${node.kind}`}>
      <DataText text={long ? text.slice(0, LONG) : text} />
      {long && <span class="json-size">… {count(text.length)} characters</span>}
    </span>
  );
}

/** The selected value, whole. */
function Detail({ node }: { node: JsonNode }) {
  const path = pathOf(node);
  const isText = typeof node.value === "string";
  const text = isText ? (node.value as string) : null;
  return (
    <div class="json-detail">
      <p class="json-path">
        <code>{path === "" ? "(the whole)" : <DataText text={path} />}</code>
        {path !== "" && (
          <CopyButton text={path} label="Copy the path">
            path
          </CopyButton>
        )}
        <CopyButton text={() => (isText ? (node.value as string) : jsonText(node.value))} label="Copy the value">
          value
        </CopyButton>
      </p>
      {text !== null && (text.length > 60 || text.includes("\n")) && (
        <pre class="json-whole">
          <DataText text={text} />
        </pre>
      )}
    </div>
  );
}

function Raw({ value, label, fill }: { value: unknown; label: string; fill: boolean }) {
  const lines = useMemo(() => jsonText(value).split("\n"), [value]);
  return (
    <div class="json-rows" style={fill ? undefined : { height: `${Math.min(lines.length, MOST_ROWS) * ROW}px` }}>
      <VirtualList
        class="json-list json-raw"
        label={`${label} as text`}
        count={lines.length}
        rowHeight={ROW}
        render={(index) => <DataText text={lines[index] ?? ""} />}
      />
    </div>
  );
}

function Leaf({ value, label }: { value: unknown; label: string }) {
  const text = typeof value === "string" ? value : jsonText(value);
  return (
    <div class="json json-leaf">
      <pre class={`json-whole json-${typeof value === "string" ? "string" : "number"}`}>
        <DataText text={typeof value === "string" ? leafText(value) : text} />
      </pre>
      <CopyButton text={text} label={`Copy the ${label}`} />
    </div>
  );
}

interface SearchProps {
  tree: JsonTree;
  onFound: (found: Found) => void;
  disabled: boolean;
  label: string;
}

function Search({ tree, onFound, disabled, label }: SearchProps) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const found = useMemo(() => tree.find(text), [tree, text]);
  const go = (to: number) => {
    if (found.length === 0) return;
    const next = (to + found.length) % found.length;
    setAt(next);
    const item = found[next];
    if (item) onFound(item);
  };
  return (
    <search class="json-search">
      <Icon name="search" />
      <input
        class="json-field"
        type="search"
        placeholder="Search keys and values"
        aria-label={`Search in ${label}`}
        value={text}
        disabled={disabled}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(-1);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          go(event.shiftKey ? at - 1 : at + 1);
        }}
      />
      {text !== "" && (
        <>
          <span class="json-found" role="status">
            {found.length === 0 ? "none" : at < 0 ? count(found.length) : `${count(at + 1)} of ${count(found.length)}`}
          </span>
          <Button kind="quiet" icon="up" label="Previous" disabled={found.length === 0} onClick={() => go(at - 1)} />
          <Button kind="quiet" icon="down" label="Next" disabled={found.length === 0} onClick={() => go(at + 1)} />
        </>
      )}
    </search>
  );
}

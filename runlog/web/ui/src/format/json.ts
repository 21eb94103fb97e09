// JSON as a tree of rows, of which only those that are open exist, and as text that says what was sent.

export type JsonKind = "object" | "array" | "string" | "number" | "boolean" | "null";

export interface JsonNode {
  readonly key: string | number | null;
  readonly value: unknown;
  readonly kind: JsonKind;
  readonly depth: number;
  readonly parent: JsonNode | null;
  /** Of an object or an array. */
  readonly size: number;
  open: boolean;
  children: JsonNode[] | null;
}

export interface Found {
  /** The way from the root, as positions among the children. */
  path: number[];
}

/** Rows that are opened by themselves when a tree is first shown. */
const OPEN_AT_FIRST = 120;
/** Rows that "expand all" opens at most. */
export const MOST_OPEN = 200_000;
/** Looks for one outside of a text; within one it does no harm. */
const LONG_NUMBER = /(?:^|[[:,])\s*-?\d{16,}\s*(?:$|[,}\]])/;
const STRING_OR_LONG = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d{16,}(?![\d.eE])/g;

/** JSON as data in which integers that a float cannot hold are bigint. */
export function parseJson(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  let mark = "bigint:";
  while (text.includes(`"${mark}`)) mark += ":";
  const marked = text.replace(STRING_OR_LONG, (token) =>
    token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${mark}${token}"`,
  );
  return JSON.parse(marked, (_key, value) =>
    typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
  );
}

export function kindOf(value: unknown): JsonKind {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  switch (typeof value) {
    case "string":
    case "boolean":
    case "object":
      return typeof value as JsonKind;
    default:
      return "number";
  }
}

/** A value that has no parts, as JSON. */
export function leafText(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  return JSON.stringify(value ?? null);
}

/** The whole as JSON, with integers of any size; `indent` 0 is one line. */
export function jsonText(value: unknown, indent = 2, depth = 0): string {
  const kind = kindOf(value);
  if (kind !== "object" && kind !== "array") return leafText(value);
  const entries = entriesOf(value).filter(([, below]) => kind === "array" || below !== undefined);
  const [left, right] = kind === "array" ? "[]" : "{}";
  if (entries.length === 0) return `${left}${right}`;
  const [line, end] =
    indent > 0 ? [`\n${" ".repeat(indent * (depth + 1))}`, `\n${" ".repeat(indent * depth)}`] : ["", ""];
  const colon = indent > 0 ? ": " : ":";
  const parts = entries.map(([key, below]) => {
    const name = kind === "array" ? "" : JSON.stringify(key) + colon;
    return line + name + jsonText(below, indent, depth + 1);
  });
  return `${left}${parts.join(",")}${end}${right}`;
}

/** What a closed object or array holds, in a few words: `{id, name, …}`. */
export function preview(value: unknown, most = 60): string {
  const kind = kindOf(value);
  if (kind === "array") return leaves(value as unknown[], most);
  let text = "";
  for (const key of Object.keys(value as object)) {
    if (text.length + key.length > most) return `{${text}${text === "" ? "" : ", "}…}`;
    text += (text === "" ? "" : ", ") + key;
  }
  return `{${text}}`;
}

function leaves(values: readonly unknown[], most: number): string {
  let text = "";
  for (const value of values) {
    const kind = kindOf(value);
    const part = kind === "object" ? "{…}" : kind === "array" ? "[…]" : leafText(value);
    if (text.length + part.length > most) return `[${text}${text === "" ? "" : ", "}…]`;
    text += (text === "" ? "" : ", ") + part;
  }
  return `[${text}]`;
}

function entriesOf(value: unknown): [string | number, unknown][] {
  return Array.isArray(value) ? value.map((below, at) => [at, below]) : Object.entries(value as object);
}

const NAME = /^[\p{L}_$][\p{L}\p{N}_$]*$/u;

/** Where a node is: `users[3].name`; "" for the root. */
export function pathOf(node: JsonNode): string {
  let path = "";
  for (let each = node; each.parent !== null; each = each.parent) {
    const { key } = each;
    const isFirst = each.parent.parent === null;
    if (typeof key === "number") path = `[${key}]${path}`;
    else if (NAME.test(key ?? "")) path = `${isFirst ? "" : "."}${key}${path}`;
    else path = `[${JSON.stringify(key)}]${path}`;
  }
  return path;
}

export class JsonTree {
  readonly root: JsonNode;
  /** The rows that are shown, in order. */
  rows: JsonNode[] = [];

  constructor(value: unknown) {
    this.root = node(null, value, null);
    this.openFirst();
  }

  /** Open or close a node. */
  toggle(target: JsonNode, open = !target.open): void {
    if (target.size === 0 || target.open === open) return;
    target.open = open;
    this.flatten();
  }

  /** Open all nodes; false where there are more than are opened at once. */
  openAll(): boolean {
    const whole = this.openWhile(MOST_OPEN);
    this.flatten();
    return whole;
  }

  closeAll(): void {
    const work = [this.root];
    for (let each = work.pop(); each !== undefined; each = work.pop()) {
      each.open = each === this.root;
      work.push(...(each.children ?? []));
    }
    this.flatten();
  }

  /** Every node whose key or value has this text, whatever its case, in their order. */
  find(text: string): Found[] {
    const wanted = text.toLowerCase();
    const found: Found[] = [];
    const path: number[] = [];
    const visit = (key: string | number | null, value: unknown): void => {
      const isLeaf = typeof value !== "object" || value === null;
      const shown = isLeaf ? (typeof value === "string" ? value : leafText(value)) : "";
      if ((typeof key === "string" && key.toLowerCase().includes(wanted)) || shown.toLowerCase().includes(wanted)) {
        found.push({ path: [...path] });
      }
      if (isLeaf) return;
      for (const [at, [below, item]] of entriesOf(value).entries()) {
        path.push(at);
        visit(below, item);
        path.pop();
      }
    };
    if (wanted !== "") visit(null, this.root.value);
    return found;
  }

  /** Open what leads to a node, and return its row. */
  reveal({ path }: Found): number {
    let each = this.root;
    for (const at of path) {
      each.open = true;
      const next = childrenOf(each)[at];
      if (next === undefined) break;
      each = next;
    }
    this.flatten();
    return this.rows.indexOf(each);
  }

  private openFirst(): void {
    this.openWhile(OPEN_AT_FIRST);
    this.root.open = this.root.size > 0;
    this.flatten();
  }

  /** Open nodes level by level while there are at most so many rows. */
  private openWhile(most: number): boolean {
    let count = 1;
    const work = [this.root];
    for (let at = 0; at < work.length; at++) {
      const each = work[at];
      if (each === undefined || each.size === 0) continue;
      if (count + each.size > most) return false;
      each.open = true;
      count += each.size;
      for (const child of childrenOf(each)) if (child.size > 0) work.push(child);
    }
    return true;
  }

  private flatten(): void {
    const rows: JsonNode[] = [];
    const work = [this.root];
    for (let each = work.pop(); each !== undefined; each = work.pop()) {
      rows.push(each);
      if (!each.open) continue;
      const children = childrenOf(each);
      for (let at = children.length - 1; at >= 0; at--) {
        const child = children[at];
        if (child !== undefined) work.push(child);
      }
    }
    this.rows = rows;
  }
}

function childrenOf(parent: JsonNode): JsonNode[] {
  parent.children ??= entriesOf(parent.value).map(([key, value]) => node(key, value, parent));
  return parent.children;
}

function node(key: string | number | null, value: unknown, parent: JsonNode | null): JsonNode {
  const kind = kindOf(value);
  const size =
    kind === "array" ? (value as unknown[]).length : kind === "object" ? Object.keys(value as object).length : 0;
  return { key, value, kind, depth: parent === null ? 0 : parent.depth + 1, parent, size, open: false, children: null };
}

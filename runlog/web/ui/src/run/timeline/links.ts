/** The tree as doubly linked lists of siblings in the order of (start, arrival), so that a new row is a change of a few
 * numbers however large the trace is. */

import type { Columns } from "./columns";
import { NONE } from "./columns";

/** Put a row under a parent, at its place among the siblings: almost always the last, or near it. */
export function attach(rows: Columns, row: number, parent: number): void {
  rows.parent[row] = parent;
  let before = rows.last[parent] as number;
  if (before !== NONE && isBefore(rows, row, rows.first[parent] as number)) before = NONE;
  while (before !== NONE && isBefore(rows, row, before)) before = rows.previous[before] as number;
  const after = before === NONE ? (rows.first[parent] as number) : (rows.next[before] as number);
  rows.previous[row] = before;
  rows.next[row] = after;
  if (before === NONE) rows.first[parent] = row;
  else rows.next[before] = row;
  if (after === NONE) rows.last[parent] = row;
  else rows.previous[after] = row;
}

/** Take a row, with all below it, out from under its parent. */
export function detach(rows: Columns, row: number): void {
  const parent = rows.parent[row] as number;
  const [before, after] = [rows.previous[row] as number, rows.next[row] as number];
  if (before === NONE) rows.first[parent] = after;
  else rows.next[before] = after;
  if (after === NONE) rows.last[parent] = before;
  else rows.previous[after] = before;
  rows.previous[row] = rows.next[row] = NONE;
}

export function isBefore(rows: Columns, one: number, other: number): boolean {
  const [start, otherStart] = [rows.start[one] as number, rows.start[other] as number];
  return start !== otherStart ? start < otherStart : one < other;
}

/** These rows in the order of their starts: siblings put in place in this order are appended. */
export function byStart(rows: Columns, from: number, to: number): Uint32Array {
  const order = new Uint32Array(to - from);
  let isSorted = true;
  for (let index = 0; index < order.length; index++) {
    order[index] = from + index;
    if (index > 0 && isSorted && (rows.start[from + index] as number) < (rows.start[from + index - 1] as number)) {
      isSorted = false;
    }
  }
  const start = rows.start;
  return isSorted
    ? order
    : order.sort((one, other) => (start[one] as number) - (start[other] as number) || one - other);
}

/** Every row that is in the tree, parents before their children, siblings in their order. */
export function preorder(rows: Columns, root: number, into: Int32Array): number {
  const { first, next, parent } = rows;
  let count = 0;
  let row = root;
  for (;;) {
    into[count++] = row;
    let following = first[row] as number;
    while (following === NONE) {
      if (row === root) return count;
      following = next[row] as number;
      row = parent[row] as number;
      if (following === NONE && row === root) return count;
    }
    row = following;
  }
}

/** Which rows a filter keeps: those that match, and all that they are in. */

import { DEBUG_LEVEL, ERROR_LEVEL, FAILED, LOG, UNFINISHED } from "./columns";
import type { TraceStore } from "./store";

export interface Criteria {
  /** Part of a name, of a message, or of what is beside a name; in either case. */
  text: string;
  /** The lowest level; DEBUG_LEVEL is all. */
  level: number;
  errors: boolean;
  /** The events that a query found; null: no query. */
  events: ReadonlySet<number> | null;
}

export const NO_CRITERIA: Criteria = { text: "", level: DEBUG_LEVEL, errors: false, events: null };

export const HIDDEN = 0;
export const ABOVE = 1;
export const MATCH = 2;
/** A match with matches below it. */
export const BOTH = 3;

export interface Filtered {
  /** For each row HIDDEN, ABOVE, MATCH or BOTH. */
  mask: Uint8Array;
  matches: number;
  /** Members of each family that are kept. */
  sizes: Uint32Array;
}

export function isFiltering(criteria: Criteria): boolean {
  return criteria.text !== "" || criteria.level > DEBUG_LEVEL || criteria.errors || criteria.events !== null;
}

export function filter(store: TraceStore, criteria: Criteria, order: Int32Array, reached: number): Filtered {
  const { rows } = store;
  const mask = new Uint8Array(rows.id.length);
  const sizes = new Uint32Array(store.families.size.length);
  const hasText = textMatcher(store, criteria.text);
  let matches = 0;
  for (let index = reached - 1; index >= 0; index--) {
    const row = order[index] as number;
    if ((rows.level[row] as number) >= criteria.level && isKept(store, row, criteria) && hasText(row)) {
      mask[row] = mask[row] === ABOVE ? BOTH : MATCH;
      matches++;
    }
    if (mask[row] === HIDDEN) continue;
    const family = rows.family[row] as number;
    sizes[family] = (sizes[family] as number) + 1;
    if (row !== 0) mask[rows.parent[row] as number] = ABOVE;
  }
  mask[0] = (mask[0] as number) | ABOVE;
  return { mask, matches, sizes };
}

function isKept(store: TraceStore, row: number, criteria: Criteria): boolean {
  const { rows } = store;
  if (criteria.errors) {
    const status = rows.status[row] as number;
    const isBad =
      rows.kind[row] === LOG ? (rows.level[row] as number) >= ERROR_LEVEL : status === FAILED || status === UNFINISHED;
    if (!isBad) return false;
  }
  return criteria.events === null || criteria.events.has(rows.id[row] as number);
}

/** Names are compared once each; messages one by one. */
function textMatcher(store: TraceStore, text: string): (row: number) => boolean {
  if (text === "") return () => true;
  const pattern = new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "iu");
  const names = store.names.texts.map((name) => pattern.test(name));
  const { rows, messages, accessories } = store;
  return (row) => {
    if (names[rows.name[row] as number] === true) return true;
    if (rows.kind[row] === LOG) return pattern.test(messages[rows.text[row] as number] ?? "");
    const accessory = accessories.get(row);
    return accessory?.some((one) => pattern.test(one)) === true;
  };
}

// What is selected in a view of one run or of logs: it is in the address, and the inspector shows it.
import { computed, type ReadonlySignal } from "@preact/signals";
import { params, setParams } from "./url";

/** A span by its id, or a log (or anything else stored) by its event's number. */
export type Selection = { span: string } | { event: number } | null;

export const selection: ReadonlySignal<Selection> = computed(() => {
  const span = params.value.get("span");
  if (span !== null && /^[0-9a-f]{16}$/.test(span)) return { span };
  const event = Number(params.value.get("event") ?? Number.NaN);
  return Number.isSafeInteger(event) && event > 0 ? { event } : null;
});

/**
 * Select something, or nothing. The back button undoes the opening and the closing of the inspector, not each step from
 * row to row.
 */
export function select(next: Selection, changes: Record<string, string | null> = {}): void {
  const before = selection.peek();
  const span = next !== null && "span" in next ? next.span : null;
  const event = next !== null && "event" in next ? String(next.event) : null;
  const steps = before !== null && next !== null && Object.keys(changes).length === 0;
  setParams({ ...changes, span, event }, steps ? "replace" : "push");
}

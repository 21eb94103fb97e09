// The time of the errors page: the last week, unless the address says another.
import { ALL, type Range } from "../format/range";

const USUAL = "-7d";
/** How the address says "all time", which elsewhere needs no words. */
const ALWAYS = new Date(0).toISOString();

export function errorsRange(params: URLSearchParams): Range {
  const [from, to] = [params.get("from"), params.get("to")];
  if (from === ALWAYS) return { ...ALL, to };
  return from === null && to === null ? { from: USUAL, to } : { from, to };
}

/** What of a range stands in the address. */
export function rangeParams({ from, to }: Range): Record<"from" | "to", string | null> {
  if (from === null && to === null) return { from: ALWAYS, to };
  return { from: from === USUAL && to === null ? null : from, to };
}

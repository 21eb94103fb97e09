/** What stays where it is on the screen while rows come. */

import type { Outline } from "./outline";

/** The place of the selected row, where it is in sight; else that at the top of the view. */
export function anchorIn(
  outline: Outline,
  selected: number,
  { top, view }: { top: number; view: number },
  rowHeight: number,
): number {
  const index = selected > 0 ? outline.indexOf(selected) : -1;
  const y = index * rowHeight;
  return index >= 0 && y + rowHeight > top && y < top + view ? index : Math.floor(top / rowHeight);
}

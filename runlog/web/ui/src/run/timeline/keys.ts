/** The timeline's keys. */

import { useKeys } from "../../state/keys";
import { params } from "../../state/url";
import { toggleParam } from "./address";
import type { TimelineControl } from "./control";

const LEVELS = [1, 2, 3, 4, 5, 6, 7, 8, 9];

export function useTimelineKeys(
  control: TimelineControl,
  focusRows: () => void,
  onFilter: () => void,
  onEnter: (() => void) | undefined,
): void {
  const toggle = (name: string, value: string) => () => toggleParam(params.peek(), name, value);
  const going = (go: () => void) => () => {
    focusRows();
    go();
  };
  useKeys("Timeline", [
    { key: "j", label: "Next row", run: going(() => control.move(1)) },
    { key: "k", label: "Previous row", run: going(() => control.move(-1)) },
    { key: "ArrowDown", label: "Next row", run: going(() => control.move(1)) },
    { key: "ArrowUp", label: "Previous row", run: going(() => control.move(-1)) },
    { key: "PageDown", label: "A page down", run: going(() => control.move(control.page)) },
    { key: "PageUp", label: "A page up", run: going(() => control.move(-control.page)) },
    { key: "Home", label: "First row", run: going(() => control.goTo(0)) },
    { key: "End", label: "Last row", run: going(() => control.goTo(Number.MAX_SAFE_INTEGER)) },
    { key: "ArrowRight", label: "Open, or go into", run: () => control.right() },
    { key: "ArrowLeft", label: "Close, or go out of", run: () => control.left() },
    { key: "Space", label: "Open or close", run: () => control.toggle() },
    {
      key: "Enter",
      label: "Show in the inspector",
      run: () => {
        if (control.enter()) onEnter?.();
      },
    },
    { key: "e", label: "Open all", run: () => control.setLevel(Number.POSITIVE_INFINITY) },
    { key: "w", label: "Close all", run: () => control.setLevel(1) },
    ...LEVELS.map((level) => ({
      key: String(level),
      label: "Open so many levels",
      run: () => control.setLevel(level),
    })),
    { key: "n", label: "Next error", run: going(() => control.nextError(1)) },
    { key: "p", label: "Previous error", run: going(() => control.nextError(-1)) },
    { key: "/", label: "Filter", run: onFilter },
    { key: "!", label: "Errors only", run: toggle("errors", "1") },
    { key: "l", label: "Logs", run: toggle("logs", "0") },
    { key: "r", label: "Fold what repeats", run: toggle("fold", "0") },
    { key: "c", label: "Critical path", run: toggle("critical", "1") },
    { key: "f", label: "Zoom to the row", run: () => control.fit() },
    { key: "0", label: "Zoom out to the whole", run: () => control.showAll() },
    { key: "+", label: "Zoom in", run: () => control.zoom(1) },
    { key: "-", label: "Zoom out", run: () => control.zoom(-1) },
    { key: "Shift+ArrowRight", label: "Later", run: () => control.pan(1) },
    { key: "Shift+ArrowLeft", label: "Earlier", run: () => control.pan(-1) },
    { key: "F", label: "Follow the newest", run: () => control.setFollow(!(control.totals.peek()?.follows ?? false)) },
  ]);
}

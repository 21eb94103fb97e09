// How high a row is: compact under a mouse, larger under a finger.
import { type ReadonlySignal, signal } from "@preact/signals";

const coarse = matchMedia("(pointer: coarse)");
const height = signal(heightNow());
coarse.addEventListener("change", () => {
  height.value = heightNow();
});

/** Pixels; the same as `--row` in tokens.css. */
export const rowHeight: ReadonlySignal<number> = height;

function heightNow(): number {
  return coarse.matches ? 36 : 28;
}

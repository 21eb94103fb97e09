import { plural } from "../format/number";
import { heights } from "./groups";

const HEIGHT = 22;
const STEP = 4;

/** How often over time, without an axis. */
export function Spark({ counts }: { counts: readonly number[] }) {
  if (counts.length === 0) return null;
  const width = counts.length * STEP;
  const path = heights(counts)
    .map((share, at) =>
      share === 0 ? "" : `M${at * STEP} ${HEIGHT}h${STEP - 1}v${-(share * HEIGHT).toFixed(1)}h${1 - STEP}z`,
    )
    .join("");
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${width} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${plural(
        counts.reduce((sum, count) => sum + count, 0),
        "error",
      )} over the time shown, at most ${Math.max(...counts)} in a slice`}
    >
      <path class="spark-base" d={`M0 ${HEIGHT}h${width}`} />
      <path d={path} />
    </svg>
  );
}

import type { RunLink } from "../api/types";
import { visible } from "../format/ansi";
import { StatusBadge } from "../parts/Badge";
import { Link } from "../parts/Link";
import { runPath } from "../state/url";
import "./run-line.css";

/** Another run, as a link to it. */
export function RunLine({ run, query = "" }: { run: RunLink; query?: string }) {
  return (
    <Link href={`${runPath(run.run_id)}${query}`} class="run-link">
      <StatusBadge status={run.status} compact />
      <span class="cut">{visible(run.task)}</span>
      <span class="faint mono">{run.run_id.slice(-6)}</span>
    </Link>
  );
}

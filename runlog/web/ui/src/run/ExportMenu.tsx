// A run as a file.
import { download } from "../api/client";
import { Menu } from "../parts/Menu";
import { asProblem } from "../parts/states";
import { toast } from "../parts/toast";

const FORMATS = [
  { format: "html", ending: "html", label: "One HTML file that opens offline" },
  { format: "jsonl", ending: "jsonl", label: "JSON lines" },
  { format: "markdown", ending: "md", label: "Markdown" },
  { format: "log", ending: "log", label: "Log lines" },
] as const;

export function ExportMenu({ runId }: { runId: string }) {
  const save = async (format: string, ending: string) => {
    try {
      await download(`/api/runs/${encodeURIComponent(runId)}/export`, { format }, `${runId}.${ending}`);
    } catch (error) {
      const { what, why } = asProblem(error);
      toast(why ? `${what}: ${why}` : what, "bad");
    }
  };
  return (
    <Menu
      icon="download"
      label="Export this run"
      kind="quiet"
      align="end"
      items={FORMATS.map(({ format, ending, label }) => ({ label, run: () => void save(format, ending) }))}
    />
  );
}

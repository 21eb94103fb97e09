// What the file holds.
import type { EventDetail, ExportedRun, ExportedTrace } from "../api/types";
import { parseJson } from "../format/json";

export class Embedded {
  private readonly runs: ReadonlyMap<string, ExportedTrace>;
  private readonly events: ReadonlyMap<number, EventDetail>;

  constructor(readonly data: ExportedRun) {
    this.runs = new Map(data.runs.map((each) => [each.detail.run.run_id, each]));
    this.events = new Map(data.events.map((event) => [event.id, event]));
  }

  /** The run that the file is about. */
  get main(): ExportedTrace {
    const [first] = this.data.runs;
    if (!first) throw new Error("this file holds no run");
    return first;
  }

  find(runId: string): ExportedTrace | undefined {
    return this.runs.get(runId);
  }

  event(id: number): EventDetail | undefined {
    return this.events.get(id);
  }
}

let found: Embedded | null = null;

/** Read it, the first time that it is asked for. */
export function embedded(): Embedded {
  found ??= new Embedded(parseJson(document.getElementById("runlog-export")?.textContent ?? "") as ExportedRun);
  return found;
}

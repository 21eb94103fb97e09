// What a plugin's state means; the states are those of runlog/instrumentation/contract.py.
import type { Tone } from "../format/status";

export function pluginTone(state: string): Tone {
  if (state === "active" || state === "works") return "good";
  return state === "disabled" || state === "removed" || state === "unknown" ? "idle" : "bad";
}

// What narrows the logs, and what is said where none are shown.
import { plural } from "../../format/number";
import type { LevelName } from "../../format/status";
import { Button } from "../../parts/Button";
import { Empty, Loading } from "../../parts/states";
import { params, setParams } from "../../state/url";
import type { LogList } from "./list";

export function LevelChoice() {
  const level = params.value.get("level") ?? "";
  const choices: [LevelName | "", string][] = [
    ["", "All levels"],
    ["info", "Info and over"],
    ["warn", "Warnings and over"],
    ["error", "Errors"],
  ];
  return (
    <select
      class="field"
      aria-label="Lowest level"
      value={level === "debug" ? "" : level}
      onChange={(event) => setParams({ level: event.currentTarget.value }, "replace")}
    >
      {choices.map(([value, label]) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}

interface TextFilterProps {
  inputRef: { current: HTMLInputElement | null };
  /** Into the list. */
  onLeave: () => void;
}

export function TextFilter({ inputRef, onLeave }: TextFilterProps) {
  return (
    <input
      ref={inputRef}
      class="field logs-filter"
      type="search"
      placeholder="Filter by text"
      aria-label="Filter by text"
      value={params.value.get("text") ?? ""}
      onInput={(event) => setParams({ text: event.currentTarget.value }, "replace")}
      onKeyDown={(event) => {
        const isEmpty = event.currentTarget.value === "";
        if (event.key === "Escape" && !isEmpty) setParams({ text: null }, "replace");
        else if (["Escape", "Enter", "ArrowDown"].includes(event.key)) onLeave();
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    />
  );
}

export function None({ list, isLoading, isGoing }: { list: LogList; isLoading: boolean; isGoing: boolean }) {
  if (list.total > 0) {
    return (
      <Empty title="No log matches">
        <Button onClick={() => setParams({ text: null, level: null }, "replace")}>
          {`Show all ${plural(list.total, "log")}`}
        </Button>
      </Empty>
    );
  }
  if (isLoading) return <Loading what="Reading the logs" />;
  return (
    <Empty title={isGoing ? "Nothing logged yet" : "This run logged nothing"}>
      <p>
        What <code>logger.info()</code>, <code>print()</code> and <code>logging</code> say in a task stands here.
      </p>
    </Empty>
  );
}

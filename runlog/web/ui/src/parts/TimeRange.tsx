import { useState } from "preact/hooks";
import { ALL, between, inputValue, ofInput, PRESETS, type Range, rangeLabel, timeOf } from "../format/range";
import { serverNow } from "../state/clock";
import { Button } from "./Button";
import { Popover } from "./Popover";
import "./time-range.css";

export interface TimeRangeProps {
  range: Range;
  onRange: (range: Range) => void;
}

/** Which time a list shows: so long back from now, all of it, or between two moments of the viewer's zone. */
export function TimeRange({ range, onRange }: TimeRangeProps) {
  const moment = range.to !== null || !PRESETS.some((preset) => preset.from === range.from);
  return (
    <div class="time-range">
      {moment && <Button kind="quiet" icon="cross" label="Back to all time" onClick={() => onRange(ALL)} />}
      <Popover icon="clock" text={rangeLabel(range, serverNow())} title="Time" align="end">
        {(close) => (
          <Choice
            range={range}
            onRange={(next) => {
              close();
              onRange(next);
            }}
          />
        )}
      </Popover>
    </div>
  );
}

function Choice({ range, onRange }: TimeRangeProps) {
  const now = serverNow();
  const [from, setFrom] = useState(inputValue(timeOf(range.from, now)));
  const [to, setTo] = useState(inputValue(timeOf(range.to, now)));
  const start = ofInput(from);
  const end = ofInput(to);
  const wrong = start !== null && end !== null && end <= start;
  return (
    <div class="time-choice">
      <div class="time-presets">
        {PRESETS.map((preset) => (
          <Button
            key={preset.short}
            pressed={range.to === null && range.from === preset.from}
            onClick={() => onRange({ from: preset.from, to: null })}
          >
            {preset.label}
          </Button>
        ))}
      </div>
      <form
        class="time-custom"
        onSubmit={(event) => {
          event.preventDefault();
          if (!wrong) onRange(between(start, end));
        }}
      >
        <label>
          From
          <input type="datetime-local" step="1" value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
        </label>
        <label>
          To
          <input type="datetime-local" step="1" value={to} onInput={(event) => setTo(event.currentTarget.value)} />
        </label>
        <p class="time-zone">{wrong ? "The end is before the start" : `Times of ${zone()}; an empty field is open`}</p>
        <Button type="submit" kind="primary" disabled={wrong || (start === null && end === null)}>
          Show
        </Button>
      </form>
    </div>
  );
}

function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

// Durations in nanoseconds, in the units that suit them. The same as on the command line.

const SECOND = 1e9;

/** `85 µs`, `120 ms`, `1.2 s`, `2 min 3 s`, `5 h 12 min`, `3 d 4 h`. */
export function duration(nanoseconds: number): string {
  const microseconds = nanoseconds / 1e3;
  if (Math.abs(microseconds) < 999.5) return `${microseconds.toFixed(0)} µs`;
  if (microseconds < 999_500) {
    const milliseconds = microseconds / 1e3;
    return milliseconds < 9.95 ? `${milliseconds.toFixed(1)} ms` : `${milliseconds.toFixed(0)} ms`;
  }
  const seconds = nanoseconds / SECOND;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** To the nanosecond, for who wants to know exactly: `12,345,678 ns`. */
export function exactDuration(nanoseconds: number): string {
  return `${Math.round(nanoseconds).toLocaleString("en-US")} ns`;
}

/** A step that is round in its unit, for an axis of at most about `count` steps over `range` nanoseconds. */
export function axisStep(range: number, count: number): number {
  const rough = Math.max(range / Math.max(count, 1), 1);
  if (rough > 30 * SECOND) {
    for (const seconds of [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400]) {
      if (seconds * SECOND >= rough) return seconds * SECOND;
    }
  }
  const power = 10 ** Math.floor(Math.log10(rough));
  for (const factor of [1, 2, 5]) if (factor * power >= rough) return factor * power;
  return 10 * power;
}

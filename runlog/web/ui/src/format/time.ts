// Wall-clock times in the viewer's zone. The exact ISO text is for the hover and for copies.

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** `14:02:11` */
export function timeOfDay(ms: number): string {
  return clock.format(ms);
}

/** `14:02:11.482` */
export function preciseTime(ms: number): string {
  const rounded = Math.floor(ms);
  return `${clock.format(rounded)}.${String(((rounded % 1000) + 1000) % 1000).padStart(3, "0")}`;
}

/** `22 Nov`, with the year where it is another. */
export function date(ms: number, now: number): string {
  return sameYear(ms, now) ? day.format(ms) : dayOfYear.format(ms);
}

/** `14:02:11` today, `21 Nov 14:02:11` otherwise. */
export function shortTime(ms: number, now: number): string {
  return sameDay(ms, now) ? timeOfDay(ms) : `${date(ms, now)} ${timeOfDay(ms)}`;
}

/** `22 Nov 2026 14:02:11.482` */
export function fullTime(ms: number): string {
  return `${dayOfYear.format(ms)} ${preciseTime(ms)}`;
}

/** `just now`, `42 s ago`, `5 min ago`, `3 h ago`, `2 d ago`; `in 5 min` for what is to come. */
export function ago(ms: number, now: number): string {
  const seconds = Math.round((now - ms) / 1000);
  const size = Math.abs(seconds);
  if (size < 2) return "just now";
  const text =
    size < 60
      ? `${size} s`
      : size < 3600
        ? `${Math.floor(size / 60)} min`
        : size < 172_800
          ? `${Math.floor(size / 3600)} h`
          : `${Math.floor(size / 86_400)} d`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

/** ISO 8601 in UTC, to the microsecond where the number has it. */
export function iso(ms: number): string {
  const milliseconds = Math.floor(ms);
  const text = new Date(milliseconds).toISOString();
  const micros = Math.round((ms - milliseconds) * 1000);
  return micros === 0 || micros === 1000 ? text : text.replace("Z", `${String(micros).padStart(3, "0")}Z`);
}

export function sameDay(one: number, other: number): boolean {
  return dayOfYear.format(one) === dayOfYear.format(other);
}

function sameYear(one: number, other: number): boolean {
  return new Date(one).getFullYear() === new Date(other).getFullYear();
}

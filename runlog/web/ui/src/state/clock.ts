// What time it is, for what goes on while one looks: ages and running durations.
import { signal } from "@preact/signals";

let timer: ReturnType<typeof setInterval> | undefined;
let skew = 0;

/** The server's time in milliseconds, each second. Runs only while something shows it. */
export const now = signal(Date.now(), {
  watched: () => {
    now.value = serverNow();
    timer = setInterval(() => {
      if (document.visibilityState === "visible") now.value = serverNow();
    }, 1000);
  },
  unwatched: () => clearInterval(timer),
});

/** The server's time at this moment: this machine's clock may be another. */
export function serverNow(): number {
  return Date.now() + skew;
}

/** The server said that its time is `time`. Under two seconds of difference are the way the answer took. */
export function setServerTime(time: number): void {
  const difference = time - Date.now();
  skew = Math.abs(difference) < 2000 ? 0 : difference;
}

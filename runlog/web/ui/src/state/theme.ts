// Dark or light: as the system says, or as chosen here.
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";

export type Theme = "system" | "dark" | "light";

const KEY = "runlog.theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");

const chosen = signal<Theme>(remembered());
const system = signal(systemDark.matches);

export const theme: ReadonlySignal<Theme> = chosen;
/** Whether the page is dark now: a canvas has to be painted anew when this changes. */
export const dark: ReadonlySignal<boolean> = computed(() =>
  chosen.value === "system" ? system.value : chosen.value === "dark",
);

export function startTheme(): void {
  systemDark.addEventListener("change", () => {
    system.value = systemDark.matches;
  });
  effect(() => {
    document.documentElement.dataset.theme = chosen.value;
  });
}

export function setTheme(next: Theme): void {
  chosen.value = next;
  try {
    if (next === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // not remembered, but in force
  }
}

function remembered(): Theme {
  try {
    const found = localStorage.getItem(KEY);
    return found === "dark" || found === "light" ? found : "system";
  } catch {
    return "system";
  }
}

import { signal } from "@preact/signals";
import { Button } from "./Button";
import { Icon } from "./Icon";
import "./toast.css";

export interface ToastAction {
  label: string;
  run: () => void;
}

interface Item {
  key: number;
  text: string;
  tone: "plain" | "good" | "bad";
  action: ToastAction | null;
}

const STAYS = 6000;
const MOST = 4;
const items = signal<Item[]>([]);
let next = 0;

/** Say something that passes. What went wrong, and what can be answered, stays until it is dismissed. */
export function toast(text: string, tone: Item["tone"] = "plain", action: ToastAction | null = null): void {
  const item: Item = { key: next++, text, tone, action };
  items.value = [...items.value.filter((other) => other.text !== text), item].slice(-MOST);
  if (tone !== "bad" && action === null) setTimeout(() => dismiss(item.key), STAYS);
}

function dismiss(key: number): void {
  items.value = items.value.filter((item) => item.key !== key);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {items.value.map((item) => (
        <div key={item.key} class={`toast tone-${item.tone}`}>
          {item.tone !== "plain" && <Icon name={item.tone === "bad" ? "warn" : "check"} />}
          <span class="toast-text">{item.text}</span>
          {item.action && (
            <Button
              kind="quiet"
              onClick={() => {
                item.action?.run();
                dismiss(item.key);
              }}
            >
              {item.action.label}
            </Button>
          )}
          <Button kind="quiet" icon="cross" label="Dismiss" onClick={() => dismiss(item.key)} />
        </div>
      ))}
    </div>
  );
}

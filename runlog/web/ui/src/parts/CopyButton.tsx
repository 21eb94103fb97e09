import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "./Button";
import { toast } from "./toast";

/** Copies a text; `text` may be made only when it is asked for. */
export function CopyButton({
  text,
  label = "Copy",
  children,
}: {
  text: string | (() => string);
  label?: string;
  children?: string;
}) {
  const [done, setDone] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async (event: MouseEvent) => {
    event.stopPropagation();
    if (!(await copyText(typeof text === "function" ? text() : text))) return;
    setDone(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setDone(false), 1500);
  };
  return (
    <Button kind="quiet" class="copy" icon={done ? "check" : "copy"} label={done ? "Copied" : label} onClick={copy}>
      {children}
    </Button>
  );
}

/** Put a text into the clipboard; says so where the browser refuses. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (copiedTheOldWay(text)) return true;
    toast("The browser did not let this page copy", "bad");
    return false;
  }
}

/** A page that is open to a network without TLS has no clipboard API. */
function copiedTheOldWay(text: string): boolean {
  const before = document.activeElement;
  const area = document.createElement("textarea");
  area.className = "sr-only";
  area.value = text;
  (before?.closest("dialog") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  return done;
}

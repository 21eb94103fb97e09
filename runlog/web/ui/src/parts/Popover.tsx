import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Button, type ButtonProps } from "./Button";
import "./popover.css";

export interface PopoverProps extends Pick<ButtonProps, "icon" | "label" | "kind" | "class"> {
  /** On the button. */
  text?: ComponentChildren;
  /** What the panel is called. */
  title: string;
  align?: "start" | "end";
  children: (close: () => void) => ComponentChildren;
}

/** A button with a panel below it, for more than a list of commands. Escape and a click elsewhere close it. */
export function Popover({ text, title, align = "start", children, ...button }: PopoverProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    const element = root.current;
    if (!open || !element) return;
    const outside = (event: Event) => {
      if (event.target instanceof Node && !element.contains(event.target)) setOpen(false);
    };
    const escaped = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      setOpen(false);
      element.querySelector("button")?.focus();
    };
    addEventListener("pointerdown", outside);
    element.addEventListener("keydown", escaped);
    return () => {
      removeEventListener("pointerdown", outside);
      element.removeEventListener("keydown", escaped);
    };
  }, [open]);
  return (
    <div class="popover" ref={root}>
      <Button {...button} expanded={open} onClick={() => setOpen(!open)}>
        {text}
      </Button>
      {open && (
        <section class={`popover-panel popover-${align}`} aria-labelledby={id}>
          <h2 id={id}>{title}</h2>
          {children(() => setOpen(false))}
        </section>
      )}
    </div>
  );
}

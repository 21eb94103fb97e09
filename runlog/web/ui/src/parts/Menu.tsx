import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button, type ButtonProps } from "./Button";
import { Icon, type IconName } from "./Icon";
import "./menu.css";

export interface MenuItem {
  label: string;
  icon?: IconName;
  /** Of a choice: whether it is the one. */
  checked?: boolean;
  disabled?: boolean;
  danger?: boolean;
  run: () => void;
}

export interface MenuProps extends Pick<ButtonProps, "icon" | "label" | "kind"> {
  children?: ComponentChildren;
  items: MenuItem[];
  /** Which edge of the button the list keeps to. */
  align?: "start" | "end";
}

/** A button with a list of commands or choices. */
export function Menu({ children, items, align = "start", ...button }: MenuProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const box = list.current?.getBoundingClientRect();
    const below = root.current?.getBoundingClientRect().top ?? 0;
    if (box && box.bottom > innerHeight && below > box.height) list.current?.classList.add("menu-up");
  }, [open]);
  useEffect(() => {
    if (!open) return;
    focusable(list.current)[0]?.focus();
    const outside = (event: Event) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false);
    };
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  const close = () => {
    setOpen(false);
    root.current?.querySelector("button")?.focus();
  };
  return (
    <div class="menu" ref={root}>
      <Button {...button} expanded={open} onClick={() => setOpen(!open)}>
        {children}
      </Button>
      {open && (
        <div
          class={`menu-list menu-${align}`}
          role="menu"
          id={id}
          ref={list}
          onKeyDown={(event) => onKey(event, list.current, close)}
        >
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              {...roleOf(item)}
              disabled={item.disabled}
              class={item.danger ? "menu-item tone-bad" : "menu-item"}
              onClick={() => {
                close();
                item.run();
              }}
            >
              {item.icon ? <Icon name={item.icon} /> : <span class="icon" />}
              {item.label}
              {item.checked && <Icon name="check" />}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function roleOf(item: MenuItem) {
  if (item.checked === undefined) return { role: "menuitem" as const };
  return { role: "menuitemradio" as const, "aria-checked": item.checked };
}

function onKey(event: KeyboardEvent, list: HTMLElement | null, close: () => void): void {
  const items = focusable(list);
  const at = items.indexOf(document.activeElement as HTMLButtonElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Escape" || event.key === "Tab") close();
  else if (to !== undefined) items[(to + items.length) % items.length]?.focus();
  else return;
  if (event.key !== "Tab") event.preventDefault();
  event.stopPropagation();
}

function focusable(list: HTMLElement | null): HTMLButtonElement[] {
  return list ? [...list.querySelectorAll<HTMLButtonElement>("button:not(:disabled)")] : [];
}

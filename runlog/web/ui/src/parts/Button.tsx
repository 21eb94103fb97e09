import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon";

export interface ButtonProps {
  children?: ComponentChildren;
  icon?: IconName;
  /** Needed where there is no text; also the hover text. */
  label?: string;
  kind?: "plain" | "primary" | "danger" | "quiet";
  pressed?: boolean;
  expanded?: boolean;
  disabled?: boolean;
  type?: "button" | "submit";
  class?: string;
  onClick?: (event: MouseEvent) => void;
}

export function Button({
  children,
  icon,
  label,
  kind = "plain",
  pressed,
  expanded,
  class: more,
  type,
  ...rest
}: ButtonProps) {
  const bare = children === undefined || children === null;
  return (
    <button
      type={type ?? "button"}
      class={`button button-${kind}${bare ? " button-bare" : ""}${more ? ` ${more}` : ""}`}
      aria-label={bare ? label : undefined}
      title={label}
      aria-pressed={pressed}
      aria-expanded={expanded}
      {...rest}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

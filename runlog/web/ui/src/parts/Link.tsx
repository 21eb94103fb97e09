import type { ComponentChildren } from "preact";
import { isHere } from "../state/place";
import { type How, navigate } from "../state/url";

export interface LinkProps {
  href: string;
  children: ComponentChildren;
  how?: How;
  class?: string;
  title?: string;
  current?: boolean;
  label?: string;
}

/** A link to a place of this page. With a modifier or the middle button it opens as any link does. */
export function Link({ href, children, how, class: name, title, current, label }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(href, how);
  };
  if (!isHere(href)) {
    return (
      <span class={name} title={title}>
        {children}
      </span>
    );
  }
  return (
    <a
      href={href}
      class={name}
      title={title}
      aria-label={label}
      aria-current={current ? "page" : undefined}
      onClick={follow}
    >
      {children}
    </a>
  );
}

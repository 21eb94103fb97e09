import { type LevelName, levelName, type RunStatus, statusLook } from "../format/status";
import { Icon } from "./Icon";
import "./badge.css";

/** A run's state. Never by colour alone: the icon differs for each, and the word is there for who cannot see it. */
export function StatusBadge({ status, compact = false }: { status: RunStatus; compact?: boolean }) {
  const look = statusLook(status);
  return (
    <span class={`status tone-${look.tone} status-${status.toLowerCase()}`} title={compact ? look.label : undefined}>
      <Icon name={look.icon} {...(compact && { label: look.label })} />
      {!compact && look.label}
    </span>
  );
}

const WORDS: Record<LevelName, string> = { debug: "debug", info: "info", warn: "warn", error: "error" };

export function LevelBadge({ level }: { level: number | LevelName }) {
  const name = typeof level === "number" ? levelName(level) : level;
  return <span class={`level level-${name}`}>{WORDS[name]}</span>;
}

/** A number beside a word, as in tabs and facets. */
export function CountBadge({ children, tone }: { children: string; tone?: "bad" | "attention" }) {
  return <span class={`count-badge${tone ? ` tone-${tone}` : ""}`}>{children}</span>;
}

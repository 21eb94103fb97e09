import type { ComponentChildren } from "preact";
import { CopyButton } from "./CopyButton";
import { DataText } from "./DataText";
import "./fact-list.css";

/** A name, a text or something richer (null: left out), and what its copy button copies. */
export type Fact = [name: string, value: ComponentChildren | null, copy?: string];

/** Names and values, one below the other. */
export function FactList({ facts }: { facts: Fact[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value, copy]) =>
        value === null || value === undefined || value === "" ? null : (
          <div key={name} class="fact">
            <dt>{name}</dt>
            <dd>
              {typeof value === "string" ? <DataText text={value} /> : value}
              {copy && <CopyButton text={copy} label={`Copy: ${name.toLowerCase()}`} />}
            </dd>
          </div>
        ),
      )}
    </dl>
  );
}

import { Dialog } from "../parts/Dialog";
import { Link } from "../parts/Link";
import { activeKeys, type Binding } from "../state/keys";
import "./help.css";

const SHOWN: Record<string, string> = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  Escape: "Esc",
  Mod: navigator.platform.startsWith("Mac") ? "⌘" : "Ctrl",
};

/** The keys that work now. */
export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose} wide>
      <div class="help">
        {activeKeys().map(({ name, bindings }) => (
          <section key={name} class="help-group">
            <h3>{name}</h3>
            <dl>
              {byLabel(bindings).map(([label, keys]) => (
                <div key={label} class="help-row">
                  <dt>
                    {(keys.length > 3 ? [keys[0] as string, "…", keys.at(-1) as string] : keys).map((key) =>
                      key === "…" ? key : <Keys key={key} text={key} />,
                    )}
                  </dt>
                  <dd>{label}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p class="help-foot">
        The page reads a JSON API: <Link href="/openapi">what it offers</Link>
      </p>
    </Dialog>
  );
}

/** Keys that do the same are one line. */
function byLabel(bindings: Binding[]): [label: string, keys: string[]][] {
  const found = new Map<string, string[]>();
  for (const { key, label } of bindings) found.set(label, [...(found.get(label) ?? []), key]);
  return [...found];
}

function Keys({ text }: { text: string }) {
  return (
    <>
      {text.split(/[ +](?=.)/).map((key) => (
        <kbd key={key}>{SHOWN[key] ?? key}</kbd>
      ))}
    </>
  );
}

import { Dialog } from "../parts/Dialog";
import { Link } from "../parts/Link";
import { activeKeys } from "../state/keys";
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
              {bindings.map((binding) => (
                <div key={binding.key} class="help-row">
                  <dt>
                    <Keys text={binding.key} />
                  </dt>
                  <dd>{binding.label}</dd>
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

function Keys({ text }: { text: string }) {
  return (
    <>
      {text.split(/[ +](?=.)/).map((key) => (
        <kbd key={key}>{SHOWN[key] ?? key}</kbd>
      ))}
    </>
  );
}

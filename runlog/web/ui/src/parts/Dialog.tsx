import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { KeyLayer, useKeyLayer } from "../state/keys";
import { Button } from "./Button";
import "./dialog.css";

export interface DialogProps {
  title: string;
  children: ComponentChildren;
  /** Buttons at the foot. */
  actions?: ComponentChildren;
  onClose: () => void;
  wide?: boolean;
}

/** A modal dialog: the browser keeps the focus in it and gives it back. Shown while it is rendered. */
export function Dialog({ title, children, actions, onClose, wide = false }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const layer = useKeyLayer();
  const heading = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    return () => {
      dialog?.close();
      // Where it is taken out of the page at once, the browser does not get to it.
      if (before instanceof HTMLElement && before !== document.activeElement) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <KeyLayer.Provider value={layer}>
      <dialog
        ref={element}
        class={wide ? "dialog dialog-wide" : "dialog"}
        aria-labelledby={heading}
        onCancel={(event) => {
          event.preventDefault();
          onClose();
        }}
        onMouseDown={(event) => {
          if (event.target === element.current) onClose();
        }}
      >
        <div class="dialog-body">
          <header class="dialog-head">
            <h2 id={heading}>{title}</h2>
            <Button kind="quiet" icon="cross" label="Close" onClick={onClose} />
          </header>
          <div class="dialog-content">{children}</div>
          {actions && <footer class="dialog-actions">{actions}</footer>}
        </div>
      </dialog>
    </KeyLayer.Provider>
  );
}

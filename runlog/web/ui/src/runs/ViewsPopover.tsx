import { useState } from "preact/hooks";
import { Button } from "../parts/Button";
import { Popover } from "../parts/Popover";
import { dropView, keepView, type NamedView, namedViews } from "../parts/recent";
import { toast } from "../parts/toast";
import { navigate, params } from "../state/url";
import { BUILT_IN, viewSearch } from "./address";

/** Views by name: some that everybody wants, and those that were kept in this browser. */
export function ViewsPopover() {
  const [kept, setKept] = useState(() => namedViews("runs"));
  const again = () => setKept(namedViews("runs"));
  const here = viewSearch(params.value);
  const current = [...kept, ...BUILT_IN].find((view) => view.search === here);
  return (
    <Popover text={current?.name ?? "Views"} title="Views" align="end">
      {(close) => {
        const show = (view: NamedView) => {
          close();
          navigate(view.search === "" ? "/runs" : `/runs?${view.search}`);
        };
        return (
          <div class="views-panel">
            <ul>
              {BUILT_IN.map((view) => (
                <li key={view.name}>
                  <Choice view={view} current={view === current} onShow={show} />
                </li>
              ))}
            </ul>
            {kept.length > 0 && (
              <ul>
                {kept.map((view) => (
                  <Kept key={view.name} view={view} current={view === current} onShow={show} onChange={again} />
                ))}
              </ul>
            )}
            <Keep search={here} onChange={again} />
          </div>
        );
      }}
    </Popover>
  );
}

interface ChoiceProps {
  view: NamedView;
  current: boolean;
  onShow: (view: NamedView) => void;
}

function Choice({ view, current, onShow }: ChoiceProps) {
  return (
    <button type="button" class="views-choice cut" aria-current={current} onClick={() => onShow(view)}>
      {view.name}
    </button>
  );
}

/** One that was kept, which can have another name, and go. */
function Kept({ onChange, ...props }: ChoiceProps & { onChange: () => void }) {
  const [renaming, setRenaming] = useState(false);
  const { view } = props;
  if (renaming) {
    return (
      <li>
        <NameForm
          name={view.name}
          action="Rename"
          onName={(name) => {
            keep({ ...view, name }, view.name);
            setRenaming(false);
            onChange();
          }}
        />
      </li>
    );
  }
  return (
    <li>
      <Choice {...props} />
      <Button kind="quiet" icon="dots" label={`Rename ${view.name}`} onClick={() => setRenaming(true)} />
      <Button
        kind="quiet"
        icon="cross"
        label={`Delete ${view.name}`}
        onClick={() => {
          dropView("runs", view.name);
          onChange();
          toast(`The view ${view.name} was deleted`, "plain", { label: "Undo", run: () => undo(view, onChange) });
        }}
      />
    </li>
  );
}

function undo(view: NamedView, onChange: () => void): void {
  keep(view);
  onChange();
}

function Keep({ search, onChange }: { search: string; onChange: () => void }) {
  return (
    <NameForm
      name=""
      action="Keep this view"
      onName={(name) => {
        keep({ name, search });
        onChange();
      }}
    />
  );
}

function keep(view: NamedView, before?: string): void {
  if (!keepView("runs", view, before))
    toast("This browser keeps nothing for this page; the address has the view", "bad");
}

function NameForm({ name, action, onName }: { name: string; action: string; onName: (name: string) => void }) {
  const [text, setText] = useState(name);
  return (
    <form
      class="views-name"
      onSubmit={(event) => {
        event.preventDefault();
        if (!text.trim()) return;
        onName(text.trim());
        setText("");
      }}
    >
      <input
        class="field"
        type="text"
        value={text}
        maxLength={80}
        placeholder="name"
        aria-label="Name of the view"
        autocomplete="off"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <Button type="submit" disabled={!text.trim()}>
        {action}
      </Button>
    </form>
  );
}

// The shell of a file that shows a run without a server.
import { useState } from "preact/hooks";
import { visible } from "../format/ansi";
import { fullTime, iso } from "../format/time";
import { Button } from "../parts/Button";
import { Icon } from "../parts/Icon";
import { Link } from "../parts/Link";
import { TooltipLayer } from "../parts/Tooltip";
import { Toasts } from "../parts/toast";
import { RunPage } from "../run/RunPage";
import { Boundary } from "../shell/Boundary";
import { HelpDialog } from "../shell/HelpDialog";
import { ThemeMenu } from "../shell/ThemeMenu";
import { useKeys } from "../state/keys";
import { route, runPath } from "../state/url";
import { embedded } from "./embedded";
import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/parts.css";
import "../shell/top-bar.css";
import "./export.css";

export function ExportedPage() {
  const [help, setHelp] = useState(false);
  const { data, main, find } = embeddedParts();
  const { view, id = "" } = route.value;
  const shown = view === "run" && find(id) ? id : main;
  useKeys("Everywhere", [{ key: "?", label: "These keys", run: () => setHelp(true) }]);
  return (
    <>
      <header class="top">
        <span class="top-name">{visible(data.project)}</span>
        <span class="export-made">
          exported <time dateTime={iso(data.exported)}>{fullTime(data.exported).slice(0, -4)}</time>
          <span class="faint"> with runlog {data.version}</span>
        </span>
        <ThemeMenu />
        <Button kind="quiet" icon="help" label="Keys (?)" class="top-help" onClick={() => setHelp(true)} />
      </header>
      {data.notes.length > 0 && (
        <ul class="export-notes" aria-label="What is not in this file">
          {data.notes.map((note) => (
            <li key={note}>
              <Icon name="info" />
              {visible(note)}
            </li>
          ))}
        </ul>
      )}
      {shown !== main && (
        <p class="export-notes">
          <Link href={runPath(main)}>Back to the run that this file is about</Link>
        </p>
      )}
      <main id="main" class="main" tabIndex={-1}>
        <Boundary name={shown}>
          <RunPage key={shown} id={shown} />
        </Boundary>
      </main>
      {help && <HelpDialog onClose={() => setHelp(false)} />}
      <Toasts />
      <TooltipLayer />
    </>
  );
}

function embeddedParts() {
  const file = embedded();
  return { data: file.data, main: file.main.detail.run.run_id, find: (id: string) => file.find(id) !== undefined };
}

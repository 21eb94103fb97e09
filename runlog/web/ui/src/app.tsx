// The shell: what is around every view.
import { useEffect, useRef, useState } from "preact/hooks";
import { liveStatus } from "./api/live";
import { Button } from "./parts/Button";
import { fetchAhead } from "./parts/lazy";
import { Failed, Loading } from "./parts/states";
import { TooltipLayer } from "./parts/Tooltip";
import { Toasts, toast } from "./parts/toast";
import { Boundary } from "./shell/Boundary";
import { HelpDialog } from "./shell/HelpDialog";
import { TokenPrompt } from "./shell/TokenPrompt";
import { TopBar } from "./shell/TopBar";
import { CurrentView } from "./shell/views";
import { useKeys } from "./state/keys";
import { access, refreshSession, updated } from "./state/session";
import { useTitle } from "./state/title";
import { navigate, type Route, route } from "./state/url";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";

export function App() {
  const allowed = access.value;
  if (allowed.state === "closed") return <TokenPrompt refused={allowed.refused} />;
  if (allowed.state === "failed") return <Failed error={allowed.error} onRetry={refreshSession} />;
  return <Shell ready={allowed.state === "open"} />;
}

function Shell({ ready }: { ready: boolean }) {
  const [help, setHelp] = useState(false);
  const here = route.value;
  useTitle(here);
  useFocus(here);
  useReconnected();
  useKeys("Everywhere", [
    { key: "?", label: "These keys", run: () => setHelp(true) },
    { key: "g r", label: "Go to the runs", run: () => navigate("/runs") },
    { key: "g l", label: "Go to the logs", run: () => navigate("/logs") },
    { key: "g e", label: "Go to the errors", run: () => navigate("/errors") },
    { key: "g p", label: "Go to the plugins", run: () => navigate("/plugins") },
  ]);
  useEffect(() => setHelp(false), [here]);
  useEffect(() => {
    if (ready) setTimeout(fetchAhead, 1000);
  }, [ready]);
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: it leads to a place of the page, as its address says */}
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault(); // the fragment is not the page's
          focusMain();
        }}
      >
        Skip to the content
      </a>
      <TopBar onHelp={() => setHelp(true)} />
      {updated.value && <Outdated />}
      <main id="main" class="main" tabIndex={-1}>
        <Boundary name={here.view + (here.id ?? "")}>{ready ? <CurrentView route={here} /> : <Loading />}</Boundary>
      </main>
      {help && <HelpDialog onClose={() => setHelp(false)} />}
      <Toasts />
      <TooltipLayer />
    </>
  );
}

function Outdated() {
  return (
    <p class="banner" role="status">
      runlog was updated since this page was loaded.
      <Button icon="retry" onClick={() => location.reload()}>
        Reload
      </Button>
    </p>
  );
}

/** After a navigation the focus goes to the new view, so that Tab and a screen reader begin there. */
function useFocus(here: Route): void {
  const before = useRef(here);
  useEffect(() => {
    if (before.current === here) return;
    before.current = here;
    focusMain();
  }, [here]);
}

/** The server that answers again may be another one than before. */
function useReconnected(): void {
  const wasLost = useRef(false);
  const { state } = liveStatus.value;
  useEffect(() => {
    if (state === "lost") wasLost.current = true;
    if (state !== "live" || !wasLost.current) return;
    wasLost.current = false;
    toast("Connected again", "good");
    void refreshSession();
  }, [state]);
}

function focusMain(): void {
  document.getElementById("main")?.focus({ preventScroll: true });
}

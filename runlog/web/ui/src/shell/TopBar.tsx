import { Button } from "../parts/Button";
import { Link } from "../parts/Link";
import { session } from "../state/session";
import { route, type View } from "../state/url";
import { LiveLine } from "./LiveLine";
import { ThemeMenu } from "./ThemeMenu";
import "./top-bar.css";

const NAV: { label: string; href: string; views: View[] }[] = [
  { label: "Runs", href: "/runs", views: ["runs", "run"] },
  { label: "Logs", href: "/logs", views: ["logs"] },
  { label: "Errors", href: "/errors", views: ["errors", "error"] },
  { label: "Plugins", href: "/plugins", views: ["plugins"] },
];

export function TopBar({ onHelp }: { onHelp: () => void }) {
  const here = route.value.view;
  return (
    <header class="top">
      <Link href="/runs" class="top-name" title="runlog">
        {session.value?.project ?? "runlog"}
      </Link>
      <nav class="top-nav" aria-label="Views">
        {NAV.map(({ label, href, views }) => (
          <Link key={href} href={href} class="top-link" current={views.includes(here)}>
            {label}
          </Link>
        ))}
      </nav>
      <div class="top-live" role="status" aria-live="off">
        <LiveLine />
      </div>
      <ThemeMenu />
      <Button kind="quiet" icon="help" label="Keys (?)" class="top-help" onClick={onHelp} />
    </header>
  );
}

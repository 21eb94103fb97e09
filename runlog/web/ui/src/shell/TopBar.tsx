import { Button } from "../parts/Button";
import { Link } from "../parts/Link";
import { Menu } from "../parts/Menu";
import { session } from "../state/session";
import { setTheme, type Theme, theme } from "../state/theme";
import { route, type View } from "../state/url";
import { LiveLine } from "./LiveLine";
import "./top-bar.css";

const NAV: { label: string; href: string; views: View[] }[] = [
  { label: "Runs", href: "/runs", views: ["runs", "run"] },
  { label: "Logs", href: "/logs", views: ["logs"] },
  { label: "Errors", href: "/errors", views: ["errors", "error"] },
  { label: "Plugins", href: "/plugins", views: ["plugins"] },
];

const THEMES = [
  ["system", "System", "screen"],
  ["dark", "Dark", "moon"],
  ["light", "Light", "sun"],
] as const satisfies readonly (readonly [Theme, string, string])[];

export function TopBar({ onHelp }: { onHelp: () => void }) {
  const here = route.value.view;
  const icon = THEMES.find(([name]) => name === theme.value)?.[2] ?? "screen";
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
      <Menu
        icon={icon}
        label="Theme"
        kind="quiet"
        align="end"
        items={THEMES.map(([name, label, itemIcon]) => ({
          label,
          icon: itemIcon,
          checked: theme.value === name,
          run: () => setTheme(name),
        }))}
      />
      <Button kind="quiet" icon="help" label="Keys (?)" class="top-help" onClick={onHelp} />
    </header>
  );
}

import { Menu } from "../parts/Menu";
import { setTheme, type Theme, theme } from "../state/theme";

const THEMES = [
  ["system", "System", "screen"],
  ["dark", "Dark", "moon"],
  ["light", "Light", "sun"],
] as const satisfies readonly (readonly [Theme, string, string])[];

export function ThemeMenu() {
  const icon = THEMES.find(([name]) => name === theme.value)?.[2] ?? "screen";
  return (
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
  );
}

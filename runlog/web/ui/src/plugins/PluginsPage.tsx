export function PluginsPage() {
  return <h1 class="page-title">Plugins</h1>;
}

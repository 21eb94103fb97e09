export function LogsPage() {
  return <h1 class="page-title">Logs</h1>;
}

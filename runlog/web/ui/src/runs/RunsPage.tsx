export function RunsPage() {
  return <h1 class="page-title">Runs</h1>;
}

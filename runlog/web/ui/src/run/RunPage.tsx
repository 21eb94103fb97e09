export function RunPage({ id }: { id: string }) {
  return <h1 class="page-title">Run {id}</h1>;
}

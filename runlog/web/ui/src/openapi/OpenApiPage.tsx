export function OpenApiPage() {
  return <h1 class="page-title">OpenApi</h1>;
}

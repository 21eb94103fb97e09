/** The groups of errors, or with `id` (a fingerprint) one of them. */
export function ErrorsPage({ id }: { id?: string | undefined }) {
  return <h1 class="page-title">{id === undefined ? "Errors" : `Error ${id}`}</h1>;
}

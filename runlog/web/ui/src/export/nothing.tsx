// What needs a server.

export function RunActions() {
  return null;
}

export function ExportMenu() {
  return null;
}

// Where the page's own address stands in the browser's. A file that shows a run offline has another module in its place.

export interface Place {
  path: string;
  search: string;
}

export function readPlace(): Place {
  return { path: location.pathname, search: location.search };
}

/** What to write into the browser's address. */
export function writtenPlace({ path, search }: Place): string {
  return path + search;
}

/** Whether there is something to see at a path of this page. */
export function isHere(_path: string): boolean {
  return true;
}

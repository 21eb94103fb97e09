import type { Log, LogsPage } from "../../src/api/types";

export function line(id: number, more: Partial<Log> = {}): Log {
  return {
    id,
    kind: "log",
    time: id * 10,
    time_text: "",
    level: 9,
    name: "logger",
    message: `line ${id}`,
    cut: false,
    attributes: [],
    more_attributes: 0,
    exception: null,
    run_id: "run_1",
    task: "sync-user",
    span_id: null,
    parent_id: null,
    duration: null,
    status: null,
    ...more,
  };
}

export function page(ids: number[], cursor: string | null = null): LogsPage {
  return { items: ids.map((id) => line(id)), cursor, searched_to: null, position: "7.7" };
}

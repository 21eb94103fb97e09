/** What is below each row: how many rows, errors and warnings, for the marks of rows that are closed. */

import { ERROR_LEVEL, FAILED, LOG, RUN, WARN_LEVEL } from "./columns";
import type { TraceStore } from "./store";

export class Counts {
  spans = new Uint32Array(0);
  logs = new Uint32Array(0);
  errors = new Uint32Array(0);
  warnings = new Uint32Array(0);
  /** 1 where an error began: an error log, or a span that failed with none below it that did. */
  isError = new Uint8Array(0);
  /** Errors in all. */
  total = 0;

  /** Count anew; `order` has parents first. */
  update(store: TraceStore, order: Int32Array, reached: number): void {
    const { kind, level, status, parent } = store.rows;
    this.#make(store.rows.id.length);
    const { spans, logs, errors, warnings, isError } = this;
    const failing = new Uint8Array(store.rows.count);
    for (let index = reached - 1; index > 0; index--) {
      const row = order[index] as number;
      const above = parent[row] as number;
      const isLog = kind[row] === LOG;
      const severity = level[row] as number;
      if (isLog) {
        logs[above] = (logs[above] as number) + 1;
        if (severity >= ERROR_LEVEL) isError[row] = 1;
        else if (severity >= WARN_LEVEL) warnings[above] = (warnings[above] as number) + 1;
      } else {
        if (kind[row] === RUN) this.#addUnloaded(store, row);
        spans[above] = (spans[above] as number) + (spans[row] as number) + 1;
        logs[above] = (logs[above] as number) + (logs[row] as number);
        warnings[above] = (warnings[above] as number) + (warnings[row] as number);
        if (status[row] === FAILED && failing[row] === 0) isError[row] = 1;
        if (status[row] === FAILED || failing[row] === 1) failing[above] = 1;
      }
      errors[above] = (errors[above] as number) + (errors[row] as number) + (isError[row] as number);
    }
    isError[0] = status[0] === FAILED && errors[0] === 0 ? 1 : 0;
    this.total = (errors[0] as number) + (isError[0] as number);
  }

  /** What is in a run that was not loaded, as its own row says. */
  #addUnloaded(store: TraceStore, row: number): void {
    const trace = store.traceAt(row);
    if (trace === undefined || trace.state === "loaded" || trace.loaded > 0) return;
    this.spans[row] = trace.run.spans;
    this.logs[row] = trace.run.logs;
    this.errors[row] = trace.run.errors;
    this.warnings[row] = trace.run.warnings;
  }

  #make(size: number): void {
    if (this.spans.length === size) {
      for (const column of [this.spans, this.logs, this.errors, this.warnings]) column.fill(0);
      this.isError.fill(0);
      return;
    }
    this.spans = new Uint32Array(size);
    this.logs = new Uint32Array(size);
    this.errors = new Uint32Array(size);
    this.warnings = new Uint32Array(size);
    this.isError = new Uint8Array(size);
  }
}

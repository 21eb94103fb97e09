// Server-sent events out of a stream of text, wherever the network cut it.

export interface ServerEvent {
  event: string;
  data: string;
  /** The cursor as of this event; empty when the stream has named none yet. */
  id: string;
}

export class EventParser {
  /** What the server asked to wait before a reconnect, in milliseconds. */
  retry: number | null = null;
  private rest = "";
  private name = "";
  private data: string[] = [];
  private id = "";
  private started = false;

  /** The events that are complete now. */
  push(text: string): ServerEvent[] {
    let buffer = this.rest + text;
    if (!this.started && buffer !== "") {
      this.started = true;
      if (buffer.startsWith("\uFEFF")) buffer = buffer.slice(1);
    }
    const events: ServerEvent[] = [];
    let from = 0;
    for (;;) {
      const end = lineEnd(buffer, from);
      if (end === null) break;
      this.line(buffer.slice(from, end.at), events);
      from = end.next;
    }
    this.rest = buffer.slice(from);
    return events;
  }

  private line(line: string, events: ServerEvent[]): void {
    if (line === "") {
      if (this.data.length > 0) events.push({ event: this.name || "message", data: this.data.join("\n"), id: this.id });
      this.name = "";
      this.data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "event") this.name = value;
    else if (field === "data") this.data.push(value);
    else if (field === "id" && !value.includes("\0")) this.id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
  }
}

/** Where the line that begins at `from` ends. A CR at the very end of the text may be half of a CRLF: it waits. */
function lineEnd(text: string, from: number): { at: number; next: number } | null {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 10) return { at, next: at + 1 };
    if (code === 13) {
      if (at + 1 === text.length) return null;
      return { at, next: text.charCodeAt(at + 1) === 10 ? at + 2 : at + 1 };
    }
  }
  return null;
}

// A described exception, read from data that nothing is known about, and its frames folded.

export interface Frame {
  file: string;
  /** The file as short as it is understood: from the project's folder, or from the library's. */
  place: string;
  line: number;
  function: string;
  source: string;
  /** The distribution or "python"; null for the project's own code. */
  library: string | null;
}

export interface ExceptionView {
  type: string;
  module: string;
  message: string;
  notes: string[];
  frames: Frame[];
  /** How it came to this one: "caused by" or "while handling" that one. */
  below: { relation: "caused by" | "while handling"; exception: ExceptionView } | null;
  group: ExceptionView[];
  /** What was not recorded, and how many. */
  dropped: [string, number][];
}

/** A frame that is shown, or neighbours of libraries that are folded. */
export type FrameGroup = Frame | { libraries: string[]; frames: Frame[] };

const DEEPEST = 32;

/** Read a description; null where there is none. */
export function readException(data: unknown, depth = 0): ExceptionView | null {
  if (!isObject(data) || depth > DEEPEST) return null;
  const type = text(data.type) || "Exception";
  const cause = readException(data.cause, depth + 1);
  const context = cause === null ? readException(data.context, depth + 1) : null;
  return {
    type: type.slice(type.lastIndexOf(".") + 1) || type,
    module: text(data.module),
    message: text(data.message),
    notes: list(data.notes).map(String),
    frames: list(data.frames).filter(isObject).map(readFrame),
    below:
      cause !== null
        ? { relation: "caused by", exception: cause }
        : context !== null
          ? { relation: "while handling", exception: context }
          : null,
    group: list(data.group)
      .map((leaf) => readException(leaf, depth + 1))
      .filter((leaf) => leaf !== null),
    dropped: isObject(data.dropped)
      ? Object.entries(data.dropped).map(([what, count]) => [what, Number(count) || 0])
      : [],
  };
}

/** `Type: message`. */
export function titleOf(exception: Pick<ExceptionView, "type" | "message">): string {
  return exception.message === "" ? exception.type : `${exception.type}: ${exception.message}`;
}

/**
 * The frames in the order of the calls, neighbours of libraries in one group. Where none is one's own, the one that
 * raised is shown.
 */
export function foldFrames(frames: readonly Frame[]): FrameGroup[] {
  const groups: FrameGroup[] = [];
  const raised = frames.every((frame) => frame.library !== null) ? frames.at(-1) : undefined;
  for (const frame of frames) {
    const last = groups.at(-1);
    if (frame.library === null || frame === raised) groups.push(frame);
    else if (last !== undefined && "frames" in last) {
      last.frames.push(frame);
      if (!last.libraries.includes(frame.library)) last.libraries.push(frame.library);
    } else groups.push({ libraries: [frame.library], frames: [frame] });
  }
  return groups;
}

/** "12 frames of sqlalchemy", "17 frames of httpx, httpcore and 2 more". */
export function foldedWords(libraries: readonly string[], count: number): string {
  const named = libraries.slice(0, 3);
  const more = libraries.length - named.length;
  const names = more > 0 ? `${named.join(", ")} and ${more} more` : joined(named);
  return `${count.toLocaleString("en")} ${count === 1 ? "frame" : "frames"} of ${names}`;
}

/** The innermost frame of the project's own code: where to look first. In the chain, the outermost exception that has
 * one decides, since that is what the code sees; else those it was caused by. */
export function innermostOwn(exception: ExceptionView): Frame | null {
  for (let each: ExceptionView | null = exception; each !== null; each = each.below?.exception ?? null) {
    const found = each.frames.findLast((frame) => frame.library === null);
    if (found !== undefined) return found;
    for (const leaf of each.group) {
      const inner = innermostOwn(leaf);
      if (inner !== null) return inner;
    }
  }
  return null;
}

/** As Python prints it, the cause first: what people paste. */
export function exceptionText(exception: ExceptionView, indent = ""): string {
  const lines: string[] = [];
  if (exception.below !== null) {
    lines.push(exceptionText(exception.below.exception, indent), "");
    lines.push(
      exception.below.relation === "caused by"
        ? `${indent}The above exception was the direct cause of the following exception:`
        : `${indent}During handling of the above exception, another exception occurred:`,
      "",
    );
  }
  if (exception.frames.length > 0) lines.push(`${indent}Traceback (most recent call last):`);
  for (const frame of exception.frames) {
    lines.push(`${indent}  File "${frame.file}", line ${frame.line}, in ${frame.function}`);
    if (frame.source !== "") lines.push(`${indent}    ${frame.source}`);
  }
  const prefix = exception.module === "" || exception.module === "builtins" ? "" : `${exception.module}.`;
  lines.push(...`${prefix}${titleOf(exception)}`.split("\n").map((line) => indent + line));
  for (const note of exception.notes) lines.push(...note.split("\n").map((line) => indent + line));
  for (const [number, leaf] of exception.group.entries()) {
    lines.push(`${indent}  +---------------- ${number + 1} ----------------`, exceptionText(leaf, `${indent}  | `));
  }
  for (const [what, count] of exception.dropped) lines.push(`${indent}  … ${count} more ${what} not recorded`);
  return lines.join("\n");
}

function readFrame(data: Record<string, unknown>): Frame {
  const file = text(data.file) || "?";
  return {
    file,
    place: text(data.place) || file,
    line: typeof data.line === "number" ? data.line : 0,
    function: text(data.function),
    source: text(data.source).trim(),
    library: text(data.library) || null,
  };
}

function joined(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

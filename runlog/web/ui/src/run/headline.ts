// The sentence that says what happened, from the pieces that the command line prints, without what the page shows
// beside it, and with the parts of it that go on.
import type { Piece, RunRow } from "../api/types";
import { statusLook } from "../format/status";

export type Part =
  | { kind: "text"; text: string; style: string }
  /** For how long: counts up. */
  | { kind: "since"; time: number }
  /** Until when: counts down. */
  | { kind: "until"; time: number };

const FOR = /^ for ([^,:]+)/;
const UNTIL = /\bin ([^,]+), at [^ ,]+/;

/** What follows the state: ` on attempt 3 of 3 after 12.4 s`, `: ConnectError in HTTP GET /users/1`. */
export function sentence(pieces: readonly Piece[], run: RunRow): Part[] {
  const at = pieces.findIndex((piece) => piece.text === run.status);
  const rest = pieces.slice(at + 1).filter((piece) => piece.text !== "");
  if (statusLook(run.status).ended) return rest.flatMap(ended);
  return rest.flatMap((piece) => going(piece, run));
}

/** The colon is not part of what stands out. */
function ended(piece: Piece): Part[] {
  const [colon = ""] = /^[:,] /.exec(piece.text) ?? [];
  if (piece.style !== "message" || colon === "") return [asText(piece)];
  return [{ kind: "text", text: colon, style: "" }, text(piece.text.slice(colon.length), piece)];
}

function going(piece: Piece, run: RunRow): Part[] {
  const since = run.status === "WAITING" ? run.changed : (run.started ?? run.created);
  const [long] = FOR.exec(piece.text) ?? [];
  if (long !== undefined) {
    return [text(" for ", piece), { kind: "since", time: since }, text(piece.text.slice(long.length), piece)];
  }
  const left = UNTIL.exec(piece.text);
  if (left !== null && run.available !== null) {
    const { index } = left;
    const [before, after] = [piece.text.slice(0, index), piece.text.slice(index + left[0].length)];
    return [text(before, piece), { kind: "until", time: run.available }, text(after, piece)];
  }
  return [asText(piece)];
}

function asText(piece: Piece): Part {
  return text(piece.text, piece);
}

function text(part: string, { style }: Piece): Part {
  return { kind: "text", text: part, style };
}

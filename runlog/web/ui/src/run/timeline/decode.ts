/** A page of a trace as it comes from the server, decoded into typed arrays. */

import type { RunRow, TracePage } from "../../api/types";

export interface Decoded {
  runId: string;
  origin: number;
  count: number;
  id: Float64Array;
  kind: Uint8Array;
  level: Uint8Array;
  status: Uint8Array;
  flags: Uint8Array;
  name: Uint32Array;
  start: Float64Array;
  duration: Float64Array;
  span: Uint32Array;
  parent: Uint32Array;
  names: string[];
  messages: string[];
  accessories: [number, string][];
  children: RunRow[];
}

export function decodePage(page: TracePage): Decoded {
  return {
    runId: page.run_id,
    origin: page.origin,
    count: page.count,
    id: new Float64Array(bytesOf(page.id)),
    kind: new Uint8Array(bytesOf(page.kind)),
    level: new Uint8Array(bytesOf(page.level)),
    status: new Uint8Array(bytesOf(page.status)),
    flags: new Uint8Array(bytesOf(page.flags)),
    name: new Uint32Array(bytesOf(page.name)),
    start: new Float64Array(bytesOf(page.start)),
    duration: new Float64Array(bytesOf(page.duration)),
    span: new Uint32Array(bytesOf(page.span)),
    parent: new Uint32Array(bytesOf(page.parent)),
    names: page.names,
    messages: page.messages,
    accessories: page.accessories,
    children: page.children,
  };
}

const CODES = codes();
const fromBase64 = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array }).fromBase64;

/** The bytes of base64 text, in a buffer of their own so that any typed array can be laid over it. */
export function bytesOf(text: string): ArrayBuffer {
  return (fromBase64 === undefined ? decodeBase64(text) : fromBase64.call(Uint8Array, text)).buffer as ArrayBuffer;
}

/** For browsers without `Uint8Array.fromBase64`. */
export function decodeBase64(text: string): Uint8Array {
  let length = text.length;
  while (length > 0 && text.charCodeAt(length - 1) === 61) length--;
  const bytes = new Uint8Array((length * 3) >> 2);
  let at = 0;
  for (let index = 0; index < length; index += 4) {
    const word =
      (code(text, index) << 18) | (code(text, index + 1) << 12) | (code(text, index + 2) << 6) | code(text, index + 3);
    bytes[at++] = word >> 16;
    bytes[at++] = word >> 8;
    bytes[at++] = word;
  }
  return bytes;
}

function code(text: string, index: number): number {
  return CODES[text.charCodeAt(index) & 127] ?? 0;
}

function codes(): Uint8Array {
  const table = new Uint8Array(128);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (let index = 0; index < 64; index++) table[alphabet.charCodeAt(index)] = index;
  return table;
}

// Requests to the API. What goes wrong comes as an ApiError that says what, why and what helps.
import { jsonText, parseJson } from "../format/json";
import { refuseToken, token } from "./token";
import type { Problem } from "./types";

export type Params = Record<string, string | number | boolean | undefined>;

export class ApiError extends Error {
  constructor(
    /** The HTTP status; 0 when the server did not answer. */
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.what);
    this.name = "ApiError";
  }
}

export async function get<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  return decoded<T>(await request("GET", withParams(path, params), undefined, signal));
}

export function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return postText(path, jsonText(body, 0), signal);
}

/** The answer as it was written: of JSON every digit. */
export async function getText(path: string, params: Params = {}, signal?: AbortSignal): Promise<string> {
  return (await request("GET", withParams(path, params), undefined, signal)).text();
}

/** Send JSON as it was written. */
export async function postText<T>(path: string, body: string, signal?: AbortSignal): Promise<T> {
  return decoded<T>(await request("POST", path, body, signal));
}

/** Fetch a file and hand it to the browser's downloads. */
export async function download(path: string, params: Params, filename: string): Promise<void> {
  const answer = await request("GET", withParams(path, params));
  const address = URL.createObjectURL(await answer.blob());
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = filename;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** `path` with these parameters; those that are undefined or empty are left out. */
export function withParams(path: string, params: Params): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

export function authorization(): Record<string, string> {
  return token.value === null ? {} : { Authorization: `Bearer ${token.value}` };
}

/** True for what an aborted request ends with: nobody has to be told. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** What an answer that is none says, whatever its body is. */
export async function problemOf(answer: Response): Promise<Problem> {
  try {
    const body: unknown = await answer.json();
    const error = (body as { error?: Partial<Problem> } | null)?.error;
    if (typeof error?.what === "string" && typeof error.code === "string") return error as Problem;
  } catch {
    // not JSON
  }
  return { code: "internal", what: `The server answered ${answer.status} ${answer.statusText}`.trim() };
}

async function request(method: "GET" | "POST", path: string, body?: string, signal?: AbortSignal): Promise<Response> {
  const used = token.value;
  const headers = authorization();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(path, { method, headers, cache: "no-store", body: body ?? null, signal: signal ?? null });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError(0, UNREACHABLE);
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && used !== null) refuseToken(used);
  throw new ApiError(answer.status, await problemOf(answer));
}

async function decoded<T>(answer: Response): Promise<T> {
  try {
    return parseJson(await answer.text()) as T;
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError(0, { ...UNREACHABLE, what: "The server's answer broke off" });
  }
}

const UNREACHABLE: Problem = {
  code: "unreachable",
  what: "The server does not answer",
  why: "It was stopped, or the connection to it is gone.",
  fix: "runlog ui",
};

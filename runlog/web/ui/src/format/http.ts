// What a span's attributes say about an HTTP call, by OpenTelemetry's names, the old ones too.

export type Pair = readonly [string, unknown];

export interface HttpHeader {
  name: string;
  values: string[];
  /** The attribute it came from, for filters. */
  key: string;
}

export interface HttpCall {
  method: string;
  url: string;
  /** The answer's status code; null where there was none. */
  status: number | null;
  protocol: string | null;
  requestHeaders: HttpHeader[];
  responseHeaders: HttpHeader[];
  requestSize: number | null;
  responseSize: number | null;
  /** How many times it was sent again before. */
  resends: number | null;
}

const REQUEST_HEADER = "http.request.header.";
const RESPONSE_HEADER = "http.response.header.";

/** The call that these attributes describe, or null if they describe none. */
export function httpCall(attributes: readonly Pair[]): HttpCall | null {
  const known = new Map(attributes.filter(([key]) => !key.includes(".header.")));
  const method = text(known, "http.request.method_original", "http.request.method", "http.method");
  if (method === null) return null;
  return {
    method,
    url: urlOf(known),
    status: number(known, "http.response.status_code", "http.status_code"),
    protocol: text(known, "network.protocol.version", "http.flavor"),
    requestHeaders: headers(attributes, REQUEST_HEADER),
    responseHeaders: headers(attributes, RESPONSE_HEADER),
    requestSize: number(known, "http.request.body.size", "http.request_content_length"),
    responseSize: number(known, "http.response.body.size", "http.response_content_length"),
    resends: number(known, "http.request.resend_count", "http.resend_count"),
  };
}

/** How an answer's status is to be judged. */
export function statusKind(status: number | null): "none" | "ok" | "redirect" | "client" | "server" {
  if (status === null) return "none";
  if (status >= 500) return "server";
  if (status >= 400) return "client";
  return status >= 300 ? "redirect" : "ok";
}

const REASONS: ReadonlyMap<number, string> = new Map([
  [200, "OK"],
  [201, "Created"],
  [202, "Accepted"],
  [204, "No Content"],
  [206, "Partial Content"],
  [301, "Moved Permanently"],
  [302, "Found"],
  [303, "See Other"],
  [304, "Not Modified"],
  [307, "Temporary Redirect"],
  [308, "Permanent Redirect"],
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [408, "Request Timeout"],
  [409, "Conflict"],
  [410, "Gone"],
  [413, "Content Too Large"],
  [415, "Unsupported Media Type"],
  [422, "Unprocessable Content"],
  [425, "Too Early"],
  [429, "Too Many Requests"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"],
]);

/** What a status code means; "" for those that are rare. */
export function statusReason(status: number): string {
  return REASONS.get(status) ?? "";
}

function urlOf(known: ReadonlyMap<string, unknown>): string {
  const full = text(known, "url.full", "http.url");
  if (full !== null) return full;
  const path = text(known, "url.path", "http.target", "http.route") ?? "";
  const query = text(known, "url.query");
  const target = query === null || path.includes("?") ? path : `${path}?${query}`;
  const host = text(known, "server.address", "net.peer.name", "http.host", "net.host.name");
  if (host === null) return target;
  const port = number(known, "server.port", "net.peer.port", "net.host.port");
  const scheme = text(known, "url.scheme", "http.scheme");
  const shown =
    port === null || host.includes(":") || port === (scheme === "https" ? 443 : 80) ? host : `${host}:${port}`;
  return `${scheme ?? "http"}://${shown}${target}`;
}

function headers(attributes: readonly Pair[], prefix: string): HttpHeader[] {
  return attributes
    .filter(([key]) => key.startsWith(prefix) && key.length > prefix.length)
    .map(([key, value]) => ({
      name: key.slice(prefix.length),
      values: (Array.isArray(value) ? value : [value]).map(String),
      key,
    }));
}

function text(known: ReadonlyMap<string, unknown>, ...keys: string[]): string | null {
  for (const key of keys) {
    const value = known.get(key);
    if (typeof value === "string" && value !== "") return value;
  }
  return null;
}

function number(known: ReadonlyMap<string, unknown>, ...keys: string[]): number | null {
  for (const key of keys) {
    const value = Number(known.get(key) ?? Number.NaN);
    if (Number.isFinite(value)) return value;
  }
  return null;
}

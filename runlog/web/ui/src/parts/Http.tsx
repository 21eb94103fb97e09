import { type HttpCall, type HttpHeader, statusKind, statusReason } from "../format/http";
import { bytes } from "../format/number";
import { CopyButton } from "./CopyButton";
import { DataText } from "./DataText";
import "./data.css";

/** A call as one would write it down: method, URL, answer, headers. */
export function Http({ call }: { call: HttpCall }) {
  const kind = statusKind(call.status);
  const sizes = [
    call.requestSize === null ? null : `sent ${bytes(call.requestSize)}`,
    call.responseSize === null ? null : `received ${bytes(call.responseSize)}`,
    call.resends ? `sent again ${call.resends}×` : null,
  ].filter((text) => text !== null);
  return (
    <div class="http">
      <p class="http-line">
        <span class="http-method">{call.method}</span>
        <span class="http-url">
          <DataText text={call.url} />
        </span>
        <CopyButton text={call.url} label="Copy the URL" />
      </p>
      <p class="http-answer">
        {call.status === null ? (
          <span class="tone-bad">no answer</span>
        ) : (
          <span class={`http-status http-${kind}`}>
            {call.status} {statusReason(call.status)}
          </span>
        )}
        {call.protocol && <span class="soft">HTTP/{call.protocol}</span>}
        {sizes.length > 0 && <span class="soft">{sizes.join(" · ")}</span>}
      </p>
      <Headers title="Request headers" headers={call.requestHeaders} />
      <Headers title="Response headers" headers={call.responseHeaders} />
    </div>
  );
}

function Headers({ title, headers }: { title: string; headers: HttpHeader[] }) {
  if (headers.length === 0) return null;
  return (
    <table class="http-headers">
      <caption>{title}</caption>
      <tbody>
        {headers.flatMap((header) =>
          header.values.map((value, at) => (
            <tr key={`${header.key}-${at}`}>
              <th scope="row">{header.name}</th>
              <td>
                <DataText text={value} />
              </td>
              <td class="row-tools">
                <CopyButton text={value} label={`Copy ${header.name}`} />
              </td>
            </tr>
          )),
        )}
      </tbody>
    </table>
  );
}

// What the JSON API offers, read from its own description.
import { useEffect, useState } from "preact/hooks";
import { get, isAbort } from "../api/client";
import { Failed, Loading } from "../parts/states";
import { params, setParams } from "../state/url";
import { bounds, type Document, groups, type Route, routes, type Schema, typeWords } from "./schema";
import "./openapi.css";

export function OpenApiPage() {
  const [document, setDocument] = useState<Document | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setError(null);
    get<Document>("/api/openapi.json", {}, stop.signal).then(setDocument, (reason) => {
      if (!isAbort(reason)) setError(reason);
    });
    return () => stop.abort();
  }, [attempt]);
  if (error !== null) return <Failed error={error} onRetry={() => setAttempt(attempt + 1)} />;
  return document === null ? <Loading /> : <Described document={document} />;
}

function Described({ document }: { document: Document }) {
  const wanted = (params.value.get("q") ?? "").toLowerCase();
  const found = routes(document).filter((route) =>
    `${route.method} ${route.path} ${route.summary}`.toLowerCase().includes(wanted),
  );
  const shapes = Object.entries(document.components?.schemas ?? {})
    .filter(([name]) => name.toLowerCase().includes(wanted))
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return (
    <div class="api">
      <header class="api-head">
        <h1>
          API <span class="faint">{document.info.version}</span>
        </h1>
        <input
          type="search"
          class="field"
          aria-label="Filter routes and shapes"
          placeholder="Filter"
          value={params.value.get("q") ?? ""}
          onInput={(event) => setParams({ q: event.currentTarget.value }, "replace")}
        />
      </header>
      <p class="api-about">
        <Prose text={document.info.description ?? ""} />
      </p>
      <h2>Routes</h2>
      {groups(found).map(([group, items]) => (
        <section key={group} class="api-group">
          <h3>{group}</h3>
          {items.map((route) => (
            <RouteItem key={route.method + route.path} route={route} />
          ))}
        </section>
      ))}
      {found.length === 0 && <p class="soft">No route matches.</p>}
      <h2>Shapes</h2>
      {shapes.map(([name, schema]) => (
        <ShapeItem key={name} name={name} schema={schema} />
      ))}
      {shapes.length === 0 && <p class="soft">No shape matches.</p>}
    </div>
  );
}

function RouteItem({ route }: { route: Route }) {
  return (
    <details class="api-item">
      <summary>
        <span class={route.method === "GET" ? "api-method" : "api-method tone-attention"}>{route.method}</span>
        <code class="api-path">{route.path}</code>
        <span class="api-summary soft">{route.summary}</span>
        <span class="api-scope faint">{route.scope || "no token"}</span>
      </summary>
      <table class="api-table">
        <tbody>
          {route.parameters.map((parameter) => (
            <tr key={parameter.name}>
              <th scope="row">
                <code>{parameter.name}</code>
              </th>
              <td>
                <Type schema={parameter.schema ?? {}} />
              </td>
              <td>
                {parameter.description} <span class="faint">{bounds(parameter.schema ?? {})}</span>
              </td>
            </tr>
          ))}
          {route.body && <TypeRow name="takes" schema={route.body} />}
          {route.answer && <TypeRow name="answers" schema={route.answer} note={route.media} />}
        </tbody>
      </table>
    </details>
  );
}

function TypeRow({ name, schema, note }: { name: string; schema: Schema; note?: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>
        <Type schema={schema} />
      </td>
      <td class="faint">{note}</td>
    </tr>
  );
}

function ShapeItem({ name, schema }: { name: string; schema: Schema }) {
  const required = new Set(schema.required);
  return (
    <details class="api-item" id={`shape-${name}`}>
      <summary>
        <code class="api-path">{name}</code>
        <span class="api-summary soft">
          <Prose text={schema.description ?? ""} />
        </span>
      </summary>
      <table class="api-table">
        <tbody>
          {Object.entries(schema.properties ?? {}).map(([field, value]) => (
            <tr key={field}>
              <th scope="row">
                <code>
                  {field}
                  {required.has(field) ? "" : "?"}
                </code>
              </th>
              <td colSpan={2}>
                <Type schema={value} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function Type({ schema }: { schema: Schema }) {
  return (
    <code class="api-type">
      {typeWords(schema).map(({ text, ref }, index) =>
        ref === undefined ? (
          text
        ) : (
          <button key={index} type="button" class="text-button" onClick={() => reveal(ref)}>
            {text}
          </button>
        ),
      )}
    </code>
  );
}

/** Text with `code` in it. */
function Prose({ text }: { text: string }) {
  return <>{text.split("`").map((part, index) => (index % 2 === 1 ? <code key={part}>{part}</code> : part))}</>;
}

function reveal(name: string): void {
  setParams({ q: null }, "replace");
  requestAnimationFrame(() => {
    const item = document.getElementById(`shape-${name}`);
    if (!(item instanceof HTMLDetailsElement)) return;
    item.open = true;
    item.scrollIntoView({ block: "start" });
    item.querySelector("summary")?.focus({ preventScroll: true });
  });
}

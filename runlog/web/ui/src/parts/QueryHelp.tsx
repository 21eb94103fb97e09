import { Popover } from "./Popover";

const EXAMPLES: readonly { title: string; lines: readonly [string, string][] }[] = [
  {
    title: "Words",
    lines: [
      ["timeout", "a word in a message or in a span's name"],
      ['"connection reset"', "words next to each other"],
      ["conn*", "a word that begins so"],
    ],
  },
  {
    title: "Runs",
    lines: [
      ["status:FAILED", "also task: queue: tag: run:"],
      ["task:(send-email OR sync-user)", "one of several"],
      ["run.dur:>2s run.errors:>0", "durations, numbers and times compare"],
      ["run.created:>-1h", "also 14:02, 2026-01-31, now"],
    ],
  },
  {
    title: "Logs and spans",
    lines: [
      ["level:>=warn", "debug, info, warn, error"],
      ['kind:span dur:>500ms name:"HTTP GET"', "what they are, how long, what they are called"],
    ],
  },
  {
    title: "Attributes",
    lines: [
      ["user.id:u_5*", "any other key is an attribute; here one that begins so"],
      ["amount:>99.5", "numbers compare"],
      ["http.status_code:*", "it is there"],
      ['customer:"Jane Doe"', "quoted where it has spaces"],
    ],
  },
  {
    title: "Together",
    lines: [
      ["status:FAILED -tag:test", "both; the second not"],
      ["timeout OR level:error", "one of them; AND binds tighter"],
      ["-(tag:test OR queue:slow)", "none of them"],
    ],
  },
];

/** The language on one card; an example is tried with a click. */
export function QueryHelp({ onExample }: { onExample: (query: string) => void }) {
  return (
    <Popover kind="quiet" icon="help" label="How to search" title="How to search" align="end">
      {(close) =>
        EXAMPLES.map(({ title, lines }) => (
          <section key={title} class="query-card">
            <h3>{title}</h3>
            {lines.map(([query, about]) => (
              <p key={query}>
                <button
                  type="button"
                  class="query-example"
                  onClick={() => {
                    close();
                    onExample(query);
                  }}
                >
                  {query}
                </button>
                <span>{about}</span>
              </p>
            ))}
          </section>
        ))
      }
    </Popover>
  );
}

// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RunDetail } from "../../src/api/types";
import { DataTab } from "../../src/run/data/DataTab";
import { runDetail } from "./fixtures";
import { runRow } from "./timeline/traces";

let root: HTMLElement;

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  act(() => render(null, root));
  root.remove();
  vi.unstubAllGlobals();
});

const show = (detail: RunDetail) => act(() => render(<DataTab detail={detail} />, root));
const part = (name: string) => root.querySelector<HTMLElement>(`section[aria-label='${name}']`);

test("what is missing is said in words: why there is none, what was taken out, what was cut", () => {
  show(
    runDetail({
      payload: { api_key: "[redacted:api-key]" },
      payload_scrubbed: true,
      output: { rows: [1, "<17,500 more>"] },
      output_size: 40,
    }),
  );
  expect(part("Payload")?.textContent).toContain(
    "Secrets were taken out before it was stored. A replay needs it whole",
  );
  expect(part("Result")?.textContent).toContain("larger than what is kept");
  expect(part("Metadata")?.textContent).toContain("The task set none");
  show(runDetail({ run: runRow({ status: "EXECUTING", ended: null }) }));
  expect(part("Result")?.textContent).toContain("Not yet");
  show(runDetail({ run: runRow({ status: "FAILED" }) }));
  expect(part("Result")?.textContent).toContain("No result: the run did not complete");
});

test("large data is read when it is asked for; that it could not be had is said, and it can be asked for again", async () => {
  let answer = () => Response.json({ error: { code: "busy", what: "Too many are reading" } }, { status: 503 });
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    return answer();
  });
  show(runDetail({ payload: null, payload_size: 412_000 }));
  const load = () => act(() => part("Payload")?.querySelector<HTMLButtonElement>(".datum-large > .button")?.click());
  expect(part("Payload")?.textContent).toContain("Show 402.3 KiB");
  load();
  await vi.waitFor(() => expect(part("Payload")?.textContent).toContain("Too many are reading"));
  answer = () => Response.json({ big: ["x"] });
  load();
  await vi.waitFor(() => expect(part("Payload")?.querySelector("[role=treegrid]")).not.toBeNull());
  expect(asked).toEqual(Array(2).fill("/api/runs/run_a/data?what=payload"));
});

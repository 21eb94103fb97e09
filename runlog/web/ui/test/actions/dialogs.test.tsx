// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CancelDialog } from "../../src/actions/CancelDialog";
import { ReplayDialog } from "../../src/actions/ReplayDialog";
import type { RunDetail } from "../../src/api/types";
import { Toasts } from "../../src/parts/toast";
import { row } from "../runs/fixtures";

let root: HTMLElement;
let sent: { path: string; body: string | null }[];
let answers: Map<string, Response>;

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
  sent = [];
  answers = new Map();
  vi.stubGlobal("fetch", async (path: string, { body }: { body: string | null }) => {
    sent.push({ path, body });
    return answers.get(path) ?? new Response("{}");
  });
});

afterEach(() => {
  act(() => render(null, root));
  root.remove();
  vi.unstubAllGlobals();
});

const detail = (run: Partial<RunDetail["run"]>, more: Partial<RunDetail> = {}) =>
  ({ run: row("run_1", run), children: 0, payload_size: 13, payload_scrubbed: false, ...more }) as RunDetail;
const button = (text: string) =>
  [...root.querySelectorAll("button")].find((one) => one.textContent?.includes(text)) as HTMLButtonElement;
const area = () => root.querySelector("textarea") as HTMLTextAreaElement;
const click = (element: HTMLElement) => act(async () => element.click());
const type = (element: HTMLInputElement | HTMLTextAreaElement, text: string) =>
  act(async () => {
    element.value = text;
    element.dispatchEvent(new Event("input", { bubbles: true }));
  });

/** The answers of the server come in their own time. */
const shows = (text: string) => vi.waitFor(() => expect(root.textContent).toContain(text));

async function open(dialog: preact.ComponentChildren): Promise<void> {
  await act(async () =>
    render(
      <>
        {dialog}
        <Toasts />
      </>,
      root,
    ),
  );
}

test("a cancel says what it does, takes a reason, and closes", async () => {
  const closed = vi.fn();
  answers.set("/api/runs/run_1/cancel", new Response('{"canceled":true}'));
  await open(<CancelDialog detail={detail({ status: "QUEUED" })} onClose={closed} />);
  expect(root.textContent).toContain("No worker executes it");
  await type(root.querySelector("input") as HTMLInputElement, "wrong customer");
  await click(button("Cancel the run"));
  expect(sent).toEqual([{ path: "/api/runs/run_1/cancel", body: '{"reason":"wrong customer"}' }]);
  await shows("asked for");
  expect(closed).toHaveBeenCalled();
});

test("what is refused is said in the dialog, which stays", async () => {
  const closed = vi.fn();
  const problem = '{"error":{"code":"busy","what":"the queue is busy","why":"another holds it","fix":"try again"}}';
  answers.set("/api/runs/run_1/cancel", new Response(problem, { status: 503 }));
  await open(<CancelDialog detail={detail({ status: "QUEUED" })} onClose={closed} />);
  await click(button("Cancel the run"));
  await shows("The queue is busy");
  expect(root.textContent).toContain("another holds it");
  expect(closed).not.toHaveBeenCalled();
});

test("a run that has ended meanwhile cannot be canceled", async () => {
  await open(<CancelDialog detail={detail({ status: "COMPLETED" })} onClose={() => undefined} />);
  expect(button("Cancel the run").disabled).toBe(true);
});

test("a replay with the same payload sends none, one with another sends what was typed", async () => {
  answers.set("/api/runs/run_1/replay", new Response('{"run_id":"run_2"}'));
  await open(<ReplayDialog detail={detail({ status: "FAILED" })} onClose={() => undefined} />);
  await click(button("Replay"));
  expect(sent.at(-1)?.body).toBe("{}");
  await shows("is queued");

  answers.set("/api/runs/run_1/replay", new Response('{"run_id":"run_3"}'));
  answers.set("/api/runs/run_1/data?what=payload", new Response('{"rate":1.0}'));
  await open(<ReplayDialog key="again" detail={detail({ status: "FAILED" })} onClose={() => undefined} />);
  await click(root.querySelectorAll("input")[1] as HTMLInputElement);
  await shows("valid JSON");
  expect(area().value).toBe('{\n  "rate": 1.0\n}');
  await type(area(), '{"rate": 2.0,}');
  expect(root.textContent).toContain("Line 1, column 14");
  expect(button("Replay").disabled).toBe(true);
  await type(area(), '{"rate": 2.0}');
  await click(button("Replay"));
  expect(sent.at(-1)?.body).toBe('{"payload":{"rate": 2.0}}');
});

test("a payload that lost its secrets has to be given anew", async () => {
  answers.set("/api/runs/run_1/data?what=payload", new Response('{"password":"[redacted:password]"}'));
  await open(
    <ReplayDialog detail={detail({ status: "FAILED" }, { payload_scrubbed: true })} onClose={() => undefined} />,
  );
  await shows("Give them anew");
  expect((root.querySelectorAll("input")[0] as HTMLInputElement).disabled).toBe(true);
  expect(button("Replay").disabled).toBe(true);
  await type(area(), '{"password":"hunter2"}');
  expect(button("Replay").disabled).toBe(false);
});

test("until a run ends, its queue has the payload whole", async () => {
  const going = detail({ status: "EXECUTING" }, { payload_scrubbed: true });
  await open(<ReplayDialog detail={going} onClose={() => undefined} />);
  expect(button("Replay").disabled).toBe(false);
  expect(root.textContent).toContain("both will run");
});

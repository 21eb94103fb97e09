// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Facet } from "../../src/api/types";
import { Facets } from "../../src/parts/Facets";
import { Histogram } from "../../src/parts/Histogram";

let root: HTMLElement;

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  act(() => render(null, root));
  root.remove();
});

const buttons = () => [...root.querySelectorAll("button")];
const button = (text: string) => buttons().find((one) => one.textContent?.includes(text)) as HTMLButtonElement;
const click = (text: string, altKey = false) =>
  act(() => void button(text).dispatchEvent(new MouseEvent("click", { bubbles: true, altKey })));

const facet = (more: Partial<Facet> = {}): Facet => ({
  key: "task",
  values: [
    { value: "sync-user", count: 1_204, term: "task:sync-user" },
    { value: "send email", count: 3, term: 'task:"send email"' },
  ],
  more: false,
  counted: 1_207,
  searched_to: null,
  ...more,
});

function facets(query: string, list: Facet[], added: string[] = []): string[] {
  const queries: string[] = [];
  const nothing = () => undefined;
  act(() =>
    render(
      <Facets
        facets={list}
        query={query}
        onQuery={(next) => queries.push(next)}
        unit="runs"
        added={added}
        problem={null}
        onAdd={nothing}
        onDrop={nothing}
      />,
      root,
    ),
  );
  return queries;
}

test("a value of a facet is kept, kept beside another, left out, and let go", () => {
  const queries = facets("timeout task:sync-user", [facet()]);
  expect(button("sync-user").getAttribute("aria-pressed")).toBe("true");
  expect(button("sync-user").textContent).toContain("1,204");
  click("sync-user");
  click("send email");
  click("send email", true);
  expect(queries).toEqual([
    "timeout",
    'timeout task:(sync-user OR "send email")',
    'timeout task:sync-user -task:"send email"',
  ]);
});

test("facets say where they counted only a part, and that nothing has a key", () => {
  facets(
    "",
    [facet({ searched_to: Date.now() - 864e5, more: true }), facet({ key: "user.id", values: [] })],
    ["user.id"],
  );
  expect(root.textContent).toMatch(/of the newest 1,207 runs, back to .*; rarer values are not listed/);
  expect(root.textContent).toContain("no run has it");
});

test("the histogram's legend counts and filters; dragging zooms to whole bars", () => {
  const zoomed: number[][] = [];
  const clicked: [string, boolean][] = [];
  const data = {
    start: 0,
    end: 1_000,
    width: 100,
    buckets: [
      { time: 0, counts: { FAILED: 2 } },
      { time: 900, counts: { FAILED: 1, COMPLETED: 1_200 } },
    ],
  };
  act(() =>
    render(
      <Histogram
        data={data}
        series={[
          { key: "FAILED", label: "Failed", color: "--fill-failed" },
          { key: "QUEUED", label: "Queued", color: "--fill-queued" },
          { key: "COMPLETED", label: "Completed", color: "--fill-completed" },
        ]}
        unit="runs"
        onZoom={(from, to) => zoomed.push([from, to])}
        onSeries={(key, out) => clicked.push([key, out])}
      />,
      root,
    ),
  );
  expect(buttons().map((one) => one.textContent)).toEqual(["Failed3", "Completed1,200"]);
  click("Failed", true);
  expect(clicked).toEqual([["FAILED", true]]);

  const plot = root.querySelector("[role=group]") as HTMLElement;
  vi.spyOn(plot, "getBoundingClientRect").mockReturnValue({ left: 0, width: 500 } as DOMRect);
  plot.setPointerCapture = () => undefined;
  const point = (type: string, clientX: number) =>
    act(() => void plot.dispatchEvent(new PointerEvent(type, { clientX, button: 0, bubbles: true })));
  point("pointerdown", 60);
  point("pointermove", 260);
  point("pointerup", 260);
  expect(zoomed).toEqual([[100, 600]]);
});

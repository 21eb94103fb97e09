// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { VirtualList, type VirtualListProps } from "../../src/parts/VirtualList";

let root: HTMLElement;

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  act(() => render(null, root));
  root.remove();
});

function show(more: Partial<VirtualListProps> = {}): HTMLElement {
  act(() =>
    render(
      <VirtualList count={1_000_000} rowHeight={28} label="rows" render={(index) => `row ${index}`} {...more} />,
      root,
    ),
  );
  const grid = root.querySelector<HTMLElement>(".virtual");
  if (!grid) throw new Error("no list");
  return grid;
}

test("only the rows in sight exist, and say which of all they are", () => {
  const grid = show({ header: <span role="columnheader">name</span>, selected: 1 });
  const rows = [...grid.querySelectorAll(".virtual-row")];
  expect(rows.length).toBeLessThan(50);
  expect(grid.getAttribute("aria-rowcount")).toBe("1000001");
  expect(rows[1]?.getAttribute("aria-rowindex")).toBe("3");
  expect(rows[1]?.getAttribute("aria-selected")).toBe("true");
  expect(grid.getAttribute("aria-activedescendant")).toBe(rows[1]?.id);
});

test("keys move the selection within the list", () => {
  const onSelect = vi.fn();
  const onActivate = vi.fn();
  const grid = show({ selected: 999_998, onSelect, onActivate });
  for (const key of ["ArrowDown", "ArrowUp", "Home", "End", "PageDown", "Enter", "x"]) {
    grid.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  }
  expect(onSelect.mock.calls.map(([index]) => index)).toEqual([999_999, 999_997, 0, 999_999, 999_999]);
  expect(onActivate).toHaveBeenCalledOnce();
});

test("rows of a tree have levels, and those with rows below them are open or not", () => {
  const grid = show({ treeRow: (index) => ({ level: index + 1, expanded: index === 0 ? true : undefined }) });
  const [first, second] = grid.querySelectorAll(".virtual-row");
  expect(grid.getAttribute("role")).toBe("treegrid");
  expect([first?.getAttribute("aria-level"), first?.getAttribute("aria-expanded")]).toEqual(["1", "true"]);
  expect([second?.getAttribute("aria-level"), second?.getAttribute("aria-expanded")]).toEqual(["2", null]);
});

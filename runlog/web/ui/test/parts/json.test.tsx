// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Json } from "../../src/parts/Json";

let root: HTMLElement;
const writeText = vi.fn(async (_text: string) => undefined);

beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(400);
  writeText.mockClear();
  vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText } });
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  act(() => render(null, root));
  root.remove();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const show = (value: unknown) => act(() => render(<Json value={value} label="payload" />, root));
const rows = () => [...root.querySelectorAll(".json-row")].map((row) => row.textContent);
const grid = () => root.querySelector<HTMLElement>("[role=treegrid]");
const press = (key: string) =>
  act(() => void grid()?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })));
const button = (label: string) =>
  root.querySelector<HTMLButtonElement>(`button[aria-label^='${label}'], button[title^='${label}']`);

test("a tree that the keyboard opens, closes and walks; the selected value is whole", async () => {
  show({ user: { id: 9007199254740993n, name: "Ada" }, note: `${"long ".repeat(30)}end` });
  expect(rows()).toEqual([
    "{ }2 keys",
    "user:{ }2 keys",
    "id:9007199254740993",
    'name:"Ada"',
    expect.stringContaining("note:"),
  ]);
  press("ArrowDown");
  press("ArrowDown");
  expect(root.querySelector("[aria-selected=true]")?.getAttribute("aria-expanded")).toBe("true");
  press("ArrowLeft");
  expect(rows()).toHaveLength(3);
  press("ArrowRight");
  press("ArrowRight");
  expect(root.querySelector("[aria-selected=true]")?.textContent).toBe("id:9007199254740993");
  expect(root.querySelector("[aria-selected=true]")?.getAttribute("aria-level")).toBe("3");
  act(() => button("Copy the path")?.click());
  await vi.waitFor(() => expect(writeText).toHaveBeenLastCalledWith("user.id"));
  press("End");
  expect(root.querySelector(".json-whole")?.textContent).toMatch(/end$/);
});

test("a search opens what it finds, one after the other", () => {
  show({ a: { deep: [{ mail: "ada@example.com" }] }, b: "mail" });
  act(() => button("Collapse all")?.click());
  expect(rows()).toHaveLength(3);
  const field = root.querySelector("input") as HTMLInputElement;
  act(() => {
    field.value = "mail";
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  });
  expect(root.querySelector("[role=status]")?.textContent).toBe("2");
  act(() => void field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true })));
  expect(root.querySelector("[aria-selected=true]")?.textContent).toBe('mail:"ada@example.com"');
  expect(root.querySelector("[role=status]")?.textContent).toBe("1 of 2");
});

test("as text, and as a copy, it is the JSON that was sent", async () => {
  show({ id: 9007199254740993n, html: "<b>no markup</b>" });
  act(() => button("Show it as JSON text")?.click());
  expect(root.querySelector(".json-raw")?.textContent).toContain('"html": "<b>no markup</b>"');
  expect(root.querySelector("b")).toBeNull();
  act(() => button("Copy the payload as JSON")?.click());
  await vi.waitFor(() =>
    expect(writeText).toHaveBeenLastCalledWith('{\n  "id": 9007199254740993,\n  "html": "<b>no markup</b>"\n}'),
  );
});

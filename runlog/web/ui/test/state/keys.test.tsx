// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Dialog } from "../../src/parts/Dialog";
import { activeKeys, startKeys, useKeys } from "../../src/state/keys";

startKeys();
let root: HTMLElement;
const pressed: string[] = [];

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
  pressed.length = 0;
});

afterEach(() => {
  act(() => render(null, root));
  root.remove();
});

function View({ group, keys, label = "" }: { group: string; keys: string[]; label?: string }) {
  useKeys(
    group,
    keys.map((key) => ({ key, label, run: () => pressed.push(group + key) })),
  );
  return null;
}

test("the latest view's keys win, and go with it", () => {
  show(<View group="a" keys={["j", "k"]} />, <View group="b" keys={["j"]} />);
  press("j");
  press("k");
  show(<View group="a" keys={["j", "k"]} />);
  press("j");
  expect(pressed).toEqual(["bj", "ak", "aj"]);
});

test("modifiers and sequences", () => {
  vi.useFakeTimers();
  show(<View group="" keys={["?", "Shift+ArrowDown", "Mod+Enter", "g r", "r"]} />);
  press("?", { shiftKey: true });
  press("ArrowDown", { shiftKey: true });
  press("ArrowDown");
  press("Enter", { metaKey: true });
  press("g");
  press("r");
  press("g");
  vi.advanceTimersByTime(2000);
  press("r");
  expect(pressed).toEqual(["?", "Shift+ArrowDown", "Mod+Enter", "g r", "r"]);
  vi.useRealTimers();
});

test("typing is no command, and Enter on a button is the button's", () => {
  show(
    <View group="" keys={["j", "Enter"]} />,
    <input type="text" />,
    <input type="checkbox" />,
    <textarea />,
    <button type="button">x</button>,
  );
  for (const name of ["input[type=text]", "textarea"]) press("j", {}, root.querySelector(name));
  press("Enter", {}, root.querySelector("button"));
  expect(pressed).toEqual([]);
  press("j", {}, root.querySelector("input[type=checkbox]"));
  press("Enter");
  expect(pressed).toEqual(["j", "Enter"]);
});

test("while a dialog is open only its keys work; the list of keys is of what is below", () => {
  show(
    <View group="view" keys={["j"]} label="next" />,
    <Dialog title="D" onClose={() => {}}>
      <View group="dialog" keys={["y"]} />
    </Dialog>,
  );
  press("j");
  press("y");
  expect(pressed).toEqual(["dialogy"]);
  expect(activeKeys().map(({ name, bindings }) => [name, bindings.map(({ key, label }) => key + label)])).toEqual([
    ["view", ["jnext"]],
  ]);
  show(<View group="view" keys={["j"]} />);
  press("j");
  expect(pressed).toEqual(["dialogy", "viewj"]);
});

function show(...content: preact.ComponentChild[]): void {
  act(() => render(content, root));
}

function press(key: string, more: KeyboardEventInit = {}, target: Element | null = document.body): void {
  target?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
}

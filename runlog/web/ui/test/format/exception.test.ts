import { expect, test } from "vitest";
import {
  exceptionText,
  foldedWords,
  foldFrames,
  innermostOwn,
  readException,
  titleOf,
} from "../../src/format/exception";

const frame = (place: string, library: string | null = null, source = "call()") => ({
  file: `/app/${place}`,
  place,
  line: 7,
  function: "f",
  source,
  library,
});

test("a chain, a group and what was dropped are read; anything else is no exception", () => {
  const read = readException({
    type: "httpx.ConnectError",
    module: "httpx",
    message: "no",
    frames: [frame("tasks.py"), "not a frame"],
    context: { type: "OSError", message: "111", frames: [], cause: { type: "KeyError", message: "'x'" } },
    group: [{ type: "ValueError", message: "leaf" }, 5],
    dropped: { frames: 12 },
  });
  expect(titleOf(read as NonNullable<typeof read>)).toBe("ConnectError: no");
  expect(read?.below).toMatchObject({ relation: "while handling", exception: { type: "OSError" } });
  expect(read?.below?.exception.below).toMatchObject({ relation: "caused by", exception: { message: "'x'" } });
  expect(read?.group.map((leaf) => leaf.message)).toEqual(["leaf"]);
  expect(read?.dropped).toEqual([["frames", 12]]);
  for (const none of [null, undefined, "text", [], 5]) expect(readException(none)).toBeNull();
});

test("neighbouring frames of libraries are one group that says whose they are", () => {
  const read = readException({
    type: "E",
    frames: [
      frame("a.py"),
      frame("x", "httpx"),
      frame("y", "httpcore"),
      frame("z", "httpx"),
      frame("b.py"),
      frame("q", "anyio"),
    ],
  });
  const groups = foldFrames(read?.frames ?? []);
  expect(
    groups.map((group) => ("frames" in group ? foldedWords(group.libraries, group.frames.length) : group.place)),
  ).toEqual(["a.py", "3 frames of httpx and httpcore", "b.py", "1 frame of anyio"]);
  const foreign = readException({ type: "E", frames: [frame("x", "httpx"), frame("y", "httpcore")] });
  expect(foldFrames(foreign?.frames ?? []).at(-1)).toMatchObject({ place: "y" }); // what raised is shown
  expect(foldedWords(["a", "b", "c", "d"], 1200)).toBe("1,200 frames of a, b, c and 1 more");
});

test("the frame to look at first is the innermost own one, in the chain or in a group", () => {
  const own = { type: "E", frames: [frame("a.py"), frame("b.py"), frame("lib", "httpx")] };
  expect(innermostOwn(readException(own) as never)?.place).toBe("b.py");
  expect(innermostOwn(readException({ type: "F", frames: [frame("l", "l")], cause: own }) as never)?.place).toBe(
    "b.py",
  );
  expect(innermostOwn(readException({ type: "G", frames: [], group: [{ type: "x" }, own] }) as never)?.place).toBe(
    "b.py",
  );
  expect(innermostOwn(readException({ type: "H", frames: [frame("l", "l")] }) as never)).toBeNull();
});

test("the copy reads as Python prints it", () => {
  const read = readException({
    type: "ChargeError",
    module: "shop",
    message: "refused",
    notes: ["order 7"],
    frames: [frame("tasks.py")],
    cause: { type: "OSError", module: "builtins", message: "111", frames: [] },
  });
  expect(exceptionText(read as never)).toBe(
    [
      "OSError: 111",
      "",
      "The above exception was the direct cause of the following exception:",
      "",
      "Traceback (most recent call last):",
      '  File "/app/tasks.py", line 7, in f',
      "    call()",
      "shop.ChargeError: refused",
      "order 7",
    ].join("\n"),
  );
});

import { describe, expect, it } from "vitest";
import { DEFAULT_COLUMNS, dataColumns, filled, gridOf, moved, readColumns, writeColumns } from "../../src/runs/columns";
import { row } from "./fixtures";

describe("columns of the runs list", () => {
  it("are the default ones where the URL names none, or none that there is", () => {
    expect(readColumns(null).map((column) => column.id)).toEqual(DEFAULT_COLUMNS);
    expect(readColumns("nonsense,payload.").map((column) => column.id)).toEqual(DEFAULT_COLUMNS);
    expect(writeColumns(readColumns(null))).toBeNull();
  });

  it("go through the URL in their order, with any key of the data", () => {
    const columns = readColumns("status,payload.user_id,attr.a%2Cb,metadata.x,status");
    expect(columns.map((column) => column.id)).toEqual(["status", "payload.user_id", "attr.a,b", "metadata.x"]);
    expect(columns.map((column) => column.label)).toEqual(["State", "payload.user_id", "a,b", "metadata.x"]);
    expect(writeColumns(columns)).toBe("status,payload.user_id,attr.a%2Cb,metadata.x");
    expect(dataColumns(columns)).toBe("payload.user_id,attr.a%2Cb,metadata.x");
  });

  it("are not shown where no run has anything in them, unless they were asked for", () => {
    const shown = (text: string | null, ...runs: ReturnType<typeof row>[]) =>
      filled(readColumns(text), runs).map((column) => column.id);
    const usual = shown(null, row("a"), row("b", { tags: ["vip"] }));
    expect(usual).toContain("tags");
    expect(usual).not.toContain("version");
    expect(shown(null, row("a", { code_version: "v1" }))).toContain("version");
    expect(shown("task,version", row("a"))).toEqual(["task", "version"]);
  });

  it("move", () => {
    const columns = moved(readColumns("status,task,tags"), 2, 0);
    expect(writeColumns(columns)).toBe("tags,status,task");
  });

  it("always fill the width", () => {
    expect(gridOf(readColumns("status"))).toContain("1fr");
    expect(gridOf(readColumns(null))).not.toMatch(/ 1fr$/);
  });
});

import { describe, expect, test } from "vitest";
import css from "../../src/styles/tokens.css?raw";

type Theme = Map<string, string>;

const light = block(/^:root \{([^}]*)\}/m);
const dark = new Map([...light, ...block(/^:root\[data-theme="dark"\] \{([^}]*)\}/m)]);
const system = block(/prefers-color-scheme: dark\) \{\s*:root:not\(\[data-theme="light"\]\) \{([^}]*)\}/);

const SURFACES = ["bg", "surface", "raised", "selected"];
const TEXT = [...light.keys()].filter((name) =>
  /^(text|accent|good|bad|attention|active|idle|state|level|syntax)\b(?!.*-soft$)|^text-soft$/.test(name),
);
const FILLS = ["completed", "failed", "crashed", "timed-out", "canceled", "executing", "warn", "error"].map(
  (name) => `fill-${name}`,
);

describe.each([
  ["light", light],
  ["dark", dark],
] as const)("%s", (_name, theme) => {
  test("all text can be read on every surface (WCAG AA)", () => {
    expect(TEXT.length).toBeGreaterThan(25);
    expect(tooFaint(theme, TEXT, SURFACES, 4.5)).toEqual([]);
  });

  test("a tone can be read on its own soft ground", () => {
    for (const tone of ["good", "bad", "attention", "active"]) {
      expect(tooFaint(theme, [tone, "text"], [`${tone}-soft`], 4.5)).toEqual([]);
    }
    expect(tooFaint(theme, ["on-accent"], ["accent"], 4.5)).toEqual([]);
    expect(tooFaint(theme, ["text"], ["match"], 4.5)).toEqual([]);
  });

  test("areas and edges that say something stand out from the ground", () => {
    expect(tooFaint(theme, [...FILLS, "span-error", "span-open", "accent"], ["bg", "surface"], 3)).toEqual([]);
  });
});

test("the system's dark theme is the one that is chosen by hand", () => {
  expect(system).toEqual(block(/^:root\[data-theme="dark"\] \{([^}]*)\}/m));
});

function tooFaint(theme: Theme, texts: string[], grounds: string[], least: number): string[] {
  const found: string[] = [];
  for (const text of texts) {
    for (const ground of grounds) {
      const ratio = contrast(color(theme, text), color(theme, ground));
      if (ratio < least) found.push(`--${text} on --${ground}: ${ratio.toFixed(2)}`);
    }
  }
  return found;
}

function block(pattern: RegExp): Theme {
  const body = pattern.exec(css)?.[1] ?? "";
  const found = [...body.matchAll(/--([\w-]+):\s*([^;]+);/g)].map((match) => [match[1] ?? "", match[2] ?? ""] as const);
  expect(found.length).toBeGreaterThan(20);
  return new Map(found);
}

function color(theme: Theme, name: string): [number, number, number] {
  const value = theme.get(name) ?? "";
  const other = /^var\(--([\w-]+)\)$/.exec(value)?.[1];
  if (other !== undefined) return color(theme, other);
  const hex = /^#([0-9a-f]{6})$/.exec(value)?.[1];
  if (hex === undefined) throw new Error(`--${name} is no colour: ${value}`);
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];
}

function contrast(one: [number, number, number], other: [number, number, number]): number {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(rgb: [number, number, number]): number {
  const [r, g, b] = rgb.map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

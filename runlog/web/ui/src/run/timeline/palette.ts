/** The colours of the theme as a canvas needs them. They are read again when the theme changes. */

const NAMES = {
  span: "--span",
  error: "--span-error",
  open: "--span-open",
  wait: "--span-wait",
  queue: "--span-queue",
  critical: "--span-critical",
  inBar: "--span-text",
  canceled: "--fill-canceled",
  debug: "--level-debug",
  info: "--fill-info",
  warn: "--fill-warn",
  logError: "--fill-error",
  line: "--line",
  strong: "--line-strong",
  text: "--text",
  soft: "--text-soft",
  faint: "--text-faint",
  accent: "--accent",
  back: "--bg",
  surface: "--surface",
} as const;

export type Palette = Record<keyof typeof NAMES, string> & {
  /** What failed because of something in it. */
  errorSoft: string;
  font: string;
  bytes: (color: string) => [number, number, number];
};

export function readPalette(from: HTMLElement): Palette {
  const style = getComputedStyle(from);
  const colors = Object.fromEntries(
    Object.entries(NAMES).map(([name, property]) => [name, style.getPropertyValue(property).trim() || "#888"]),
  ) as Record<keyof typeof NAMES, string>;
  return { ...colors, errorSoft: mixed(colors.error, colors.back, 0.5), font: style.fontFamily, bytes: asBytes };
}

const known = new Map<string, [number, number, number]>();

/** Red, green and blue of a colour as it is written in CSS. */
function asBytes(color: string): [number, number, number] {
  let found = known.get(color);
  if (found === undefined) {
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    if (context === null) return [128, 128, 128];
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data;
    found = [red, green, blue];
    known.set(color, found);
  }
  return found;
}

function mixed(one: string, other: string, share: number): string {
  const [from, to] = [asBytes(one), asBytes(other)];
  return `rgb(${from.map((part, index) => Math.round(part * share + (to[index] as number) * (1 - share))).join(" ")})`;
}

// A handful of icons, 16 × 16, drawn with the text's colour. Beside a word they are decoration; alone they need a label.
export const PATHS = {
  check: "M3.5 8.5l3 3 6-7",
  cross: "M4 4l8 8M12 4l-8 8",
  bolt: "M9 1.5L3.5 9H8l-1 5.5L12.5 7H8z",
  timer: "M8 14A5.5 5.5 0 1 0 8 3a5.5 5.5 0 0 0 0 11zM8 5.5v3l2 1.5M6.5 1.5h3",
  play: "M5 3.5v9l7-4.5z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  queue: "M3 4.5h10M3 8h10M3 11.5h6",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v3.5l2.5 1.5",
  stop: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM4 12L12 4",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  warn: "M8 2.5l6 11H2zM8 6.5v3.5M8 12v.01",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.5V11M8 5v.01",
  copy: "M5.5 5.5h7v8h-7zM10.5 5.5v-3h-7v8h2",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.5l3.5 3.5",
  filter: "M2.5 3.5h11L9.5 8.5V13l-3-1.5v-3z",
  filterOut: "M2.5 3.5h11L9.5 8.5V13l-3-1.5v-3zM2 14L14 2",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  left: "M10 4L6 8l4 4",
  up: "M4 10l4-4 4 4",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  dots: "M3.5 8v.01M8 8v.01M12.5 8v.01",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M3.4 12.6l1.1-1.1M11.5 4.5l1.1-1.1",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z",
  screen: "M2 3h12v8H2zM6 13.5h4M8 11v2.5",
  help: "M5.8 6a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .8-1 1.5M8 12v.01",
  link: "M7 9l5.5-5.5M9 3h4v4M11.5 9v4h-8V5h4",
  retry: "M13 8a5 5 0 1 1-1.5-3.5M13 2v3h-3",
  download: "M8 2.5v8M4.5 7L8 10.5 11.5 7M3 13.5h10",
  columns: "M2.5 3h11v10h-11zM6.5 3v10M10 3v10",
  fold: "M4.5 2.5L8 5.5l3.5-3M4.5 13.5L8 10.5l3.5 3M2.5 8h11",
  unfold: "M4.5 5L8 2l3.5 3M4.5 11L8 14l3.5-3M2.5 8h11",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, label, size = 16 }: { name: IconName; label?: string; size?: number }) {
  const named = label === undefined ? { "aria-hidden": true as const } : { role: "img" as const, "aria-label": label };
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: it has a label or is decoration
    <svg class={`icon icon-${name}`} width={size} height={size} viewBox="0 0 16 16" focusable="false" {...named}>
      <path d={PATHS[name]} />
    </svg>
  );
}

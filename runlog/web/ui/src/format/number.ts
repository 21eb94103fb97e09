// Numbers as people read them.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** `84,311` */
export function count(value: number): string {
  return whole.format(value);
}

/** For narrow places: `940`, `12.3k`, `1.4M`. */
export function shortCount(value: number): string {
  if (value < 1000) return String(Math.round(value));
  for (const [size, unit] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (value >= size * 0.9995) return `${trimmed(value / size)}${unit}`;
  }
  return String(Math.round(value));
}

/** `1 run`, `2 runs` */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `512 B`, `12.3 KiB`, `4.0 MiB` */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  let size = value;
  for (const unit of ["KiB", "MiB", "GiB"]) {
    size /= 1024;
    if (size < 1024) return `${size.toFixed(1)} ${unit}`;
  }
  return `${(size / 1024).toFixed(1)} TiB`;
}

/** A share of 0 to 1: `97 %`, `99.9 %`; never rounded to 100 or 0 when it is not. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 99 && value < 100) return `${Math.min(value, 99.9).toFixed(1)} %`;
  if (value > 0 && value < 1) return `${Math.max(value, 0.1).toFixed(1)} %`;
  return `${Math.round(value)} %`;
}

function trimmed(value: number): string {
  return value < 99.95 ? value.toFixed(1).replace(/\.0$/, "") : value.toFixed(0);
}

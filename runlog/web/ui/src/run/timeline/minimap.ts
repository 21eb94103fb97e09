/** The whole run in a strip: each row a line of pixels, in the order of the tree. */

import { CANCELED, ERROR_LEVEL, FAILED, LOG, UNFINISHED } from "./columns";
import type { TimelineModel } from "./model";
import type { Palette } from "./palette";
import { DELAY, TRIGGER, WAIT } from "./roles";

/** Pixels left free above and below. */
const EDGE = 3;

const EMPTY = 0;
const WAITING = 1;
const WORK = 2;
const ATTENTION = 3;
const BAD = 4;

/** For each pixel what is there, the worst of it. Rows share lines where they are more than there are lines. */
export function minimapCells(model: TimelineModel, width: number, height: number): Uint8Array {
  const cells = new Uint8Array(width * height);
  const { outline, store, scale, now } = model;
  const { rows } = store;
  const { order, reached } = outline;
  const { from, to } = scale.whole;
  const perTime = width / (to - from);
  let spans = 0;
  for (let index = 0; index < reached; index++) if (rows.kind[order[index] as number] !== LOG) spans++;
  const step = Math.min(4, (height - 2 * EDGE) / Math.max(1, spans));
  const thickness = step >= 3 ? 2 : 1;
  let line = 0;
  for (let index = 0; index < reached; index++) {
    const row = order[index] as number;
    const isLog = rows.kind[row] === LOG;
    if (isLog && (rows.level[row] as number) < ERROR_LEVEL) continue;
    const start = rows.start[row] as number;
    const left = Math.max(0, Math.floor((start - from) * perTime));
    const right = Math.min(width, Math.max(left + 1, Math.ceil((store.end(row, now) - from) * perTime)));
    const cell = isLog ? BAD : cellOf(rows.status[row] as number, rows.role[row] as number);
    const y = Math.min(height - 1, EDGE + Math.floor(line * step));
    for (let below = y; below < Math.min(height, y + thickness); below++) {
      const at = below * width;
      for (let x = left; x < (cell === BAD ? Math.min(width, Math.max(right, left + 2)) : right); x++) {
        if ((cells[at + x] as number) < cell) cells[at + x] = cell;
      }
    }
    if (!isLog) line++;
  }
  return cells;
}

export function paintCells(cells: Uint8Array, width: number, height: number, palette: Palette): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (context === null) return canvas;
  const image = context.createImageData(width, height);
  const colors = [palette.back, palette.wait, palette.span, palette.canceled, palette.error].map(palette.bytes);
  for (let index = 0; index < cells.length; index++) {
    const cell = cells[index] as number;
    if (cell === EMPTY) continue;
    const [red, green, blue] = colors[cell] as [number, number, number];
    image.data[index * 4] = red;
    image.data[index * 4 + 1] = green;
    image.data[index * 4 + 2] = blue;
    image.data[index * 4 + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function cellOf(status: number, role: number): number {
  if (status === FAILED) return BAD;
  if (status === CANCELED || status === UNFINISHED) return ATTENTION;
  return role === WAIT || role === TRIGGER || role === DELAY ? WAITING : WORK;
}

/** The strip with the part that is in view left bright. */
export function paintMinimap(
  context: CanvasRenderingContext2D,
  image: OffscreenCanvas,
  model: TimelineModel,
  palette: Palette,
  width: number,
  height: number,
): void {
  context.clearRect(0, 0, width, height);
  const { before, after, whole, part } = model.scale;
  context.drawImage(image, before, 0, width - before - after, height);
  if (part === null) return;
  const room = width - before - after;
  const left = before + ((part.from - whole.from) / (whole.to - whole.from)) * room;
  const right = before + ((part.to - whole.from) / (whole.to - whole.from)) * room;
  context.globalAlpha = 0.72;
  context.fillStyle = palette.surface;
  context.fillRect(0, 0, left, height);
  context.fillRect(right, 0, width - right, height);
  context.globalAlpha = 1;
  context.fillStyle = palette.accent;
  context.fillRect(left - 1, 0, 2, height);
  context.fillRect(right - 1, 0, 2, height);
}

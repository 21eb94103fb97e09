/** Paints the time axis: ticks in round units, the moment under the pointer, and what is being selected. */

import type { TimelineModel } from "./model";
import type { Palette } from "./palette";
import { tickText } from "./scale";

const SPACING = 110;

export function paintAxis(
  context: CanvasRenderingContext2D,
  model: TimelineModel,
  palette: Palette,
  pointer: number,
  band: [number, number] | null,
): void {
  const { scale } = model;
  const [width, height] = [scale.width, 24];
  context.clearRect(0, 0, width, height);
  if (band !== null) {
    context.globalAlpha = 0.25;
    context.fillStyle = palette.accent;
    context.fillRect(Math.min(...band), 0, Math.abs(band[1] - band[0]), height);
    context.globalAlpha = 1;
  }
  const { times, step } = scale.ticks(SPACING);
  context.font = `11px ${palette.font}`;
  context.textBaseline = "middle";
  for (const time of times) {
    const x = Math.round(scale.x(time));
    context.fillStyle = palette.strong;
    context.fillRect(x, height - 6, 1, 6);
    const text = tickText(time, step);
    if (x + 4 + context.measureText(text).width > width) continue;
    context.fillStyle = palette.faint;
    context.fillText(text, x + 4, height / 2);
  }
  if (pointer >= 0) paintPointer(context, model, palette, pointer, step);
}

function paintPointer(
  context: CanvasRenderingContext2D,
  model: TimelineModel,
  palette: Palette,
  x: number,
  step: number,
): void {
  const text = tickText(model.scale.time(x), step / 100);
  const width = context.measureText(text).width + 10;
  const left = Math.max(0, Math.min(model.scale.width - width, x - width / 2));
  context.fillStyle = palette.text;
  context.beginPath();
  context.roundRect(left, 3, width, 18, 3);
  context.fill();
  context.fillStyle = palette.back;
  context.fillText(text, left + 5, 12.5);
}

/** The tree of a run beside its time axis. */

import { type ReadonlySignal, useSignalEffect } from "@preact/signals";
import { useEffect, useId, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { showTooltip } from "../../parts/Tooltip";
import { serverNow } from "../../state/clock";
import type { Selection } from "../../state/selection";
import { dark } from "../../state/theme";
import { navigate, params, setParams } from "../../state/url";
import { askedFilter, askedOptions, askedRange, writeRange } from "./address";
import { NONE } from "./columns";
import { TimelineControl } from "./control";
import { addGestures } from "./gestures";
import { hoverText } from "./hover";
import { useTimelineKeys } from "./keys";
import type { TraceLoader } from "./load";
import { TimelineModel } from "./model";
import { Splitter } from "./Splitter";
import { Summary } from "./Summary";
import type { TraceStore } from "./store";
import { Toolbar } from "./Toolbar";
import { TimelineView } from "./view";
import "./timeline.css";

export interface TimelineProps {
  store: TraceStore;
  /** Null where all is there already. */
  loader: TraceLoader | null;
  selected: ReadonlySignal<Selection>;
  onSelect: (selection: Selection) => void;
  /** Enter: into the inspector of what is selected. */
  onEnter?: (() => void) | undefined;
}

const HOVER = 120;

export function Timeline({ store, loader, selected, onSelect, onEnter }: TimelineProps) {
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const scroll = useRef<HTMLDivElement>(null);
  const filter = useRef<HTMLInputElement>(null);
  const choose = useRef(onSelect);
  choose.current = onSelect;
  const control = useMemo(() => {
    const model = new TimelineModel(store, serverNow);
    model.onOpen = (runId) => loader?.open(runId);
    model.onOpenSpan = (row) => loader?.openSpan(row);
    return new TimelineControl(
      model,
      (selection) => choose.current(selection),
      () => writeRange(model.scale),
      loader?.source ?? null,
    );
  }, [store, loader]);

  useLayoutEffect(() => {
    const elements = elementsIn(frame.current);
    if (elements === null) return;
    const view = new TimelineView(control.model, elements, `row${id}`, () => control.drawn());
    control.view = view;
    view.follows = control.model.isRunning && selected.peek() === null;
    const stopGestures = addGestures(view, {
      onChoose: (index) => control.choose(index),
      onToggle: (index, deep) => control.toggle(index, deep),
      onFit: (index) => control.fit(index),
      onRange: () => writeRange(control.model.scale),
      onHover: hover(control),
      onLink: navigate,
    });
    return () => {
      stopGestures();
      view.close();
      control.view = null;
      control.query?.close();
      showTooltip(null);
    };
  }, [control, id, selected]);

  useSignalEffect(() => {
    dark.value;
    control.view?.restyle();
  });
  useAddress(control);
  useEffect(() => selected.subscribe((selection) => control.select(selection)), [control, selected]);
  const focusRows = () => scroll.current?.focus();
  useTimelineKeys(control, focusRows, () => filter.current?.select(), onEnter);

  return (
    <section class="timeline" aria-label="Timeline">
      <Toolbar control={control} filter={filter} onLeave={focusRows} />
      <div class="tl-frame" ref={frame}>
        <div class="tl-head">
          <div class="tl-head-names">
            <Summary control={control} store={store} loader={loader} />
          </div>
          <div class="tl-head-bars">
            <canvas class="tl-minimap" />
            <canvas class="tl-axis" />
          </div>
        </div>
        <div
          ref={scroll}
          class="tl-scroll"
          role="treegrid"
          tabIndex={0}
          aria-label="Spans and logs of the run"
          aria-readonly="true"
        >
          <div class="tl-space">
            <div class="tl-layer">
              <canvas class="tl-bars" />
            </div>
          </div>
        </div>
        <NoMatch control={control} />
        <Splitter frame={() => frame.current} onChange={() => control.view?.draw()} />
      </div>
    </section>
  );
}

function NoMatch({ control }: { control: TimelineControl }) {
  const totals = control.totals.value;
  if (totals === null || totals.matches !== 0) return null;
  return (
    <div class="tl-empty">
      <p>No row matches.</p>
      <button
        type="button"
        class="button"
        onClick={() => setParams({ filter: null, level: null, errors: null }, "replace")}
      >
        Show all rows
      </button>
    </div>
  );
}

/** The address says what is filtered, shown and in view; the back button too. */
function useAddress(control: TimelineControl): void {
  useSignalEffect(() => control.filter(askedFilter(params.value)));
  useSignalEffect(() => control.setOptions(askedOptions(params.value)));
  useSignalEffect(() => {
    const range = askedRange(params.value);
    const { scale } = control.model;
    if (range === null) scale.reset();
    else if (
      scale.part === null ||
      Math.abs(scale.part.from - range.from) > 1 ||
      Math.abs(scale.part.to - range.to) > 1
    ) {
      scale.part = range;
    }
    control.view?.draw();
  });
}

function hover(control: TimelineControl): (index: number, x: number, y: number) => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (index, x, y) => {
    clearTimeout(timer);
    if (index === NONE) {
      showTooltip(null);
      return;
    }
    timer = setTimeout(() => {
      if (index < control.model.outline.count) showTooltip(hoverText(control.model, index), x, y + 10);
    }, HOVER);
  };
}

function elementsIn(frame: HTMLElement | null) {
  if (frame === null) return null;
  const find = <T extends Element>(name: string) => frame.querySelector(`.${name}`) as unknown as T;
  return {
    frame,
    scroll: find<HTMLElement>("tl-scroll"),
    space: find<HTMLElement>("tl-space"),
    layer: find<HTMLElement>("tl-layer"),
    bars: find<HTMLCanvasElement>("tl-bars"),
    axis: find<HTMLCanvasElement>("tl-axis"),
    minimap: find<HTMLCanvasElement>("tl-minimap"),
  };
}

/** The rows in sight as elements that are used again and again: scrolling creates and removes nothing. */

import { count, shortCount } from "../../format/number";
import { runPath } from "../../state/url";
import { CLOSED_PATH, OPEN_PATH } from "./icons";
import type { Look } from "./look";

export interface DrawnRow {
  /** Place among the visible rows; what is drawn there is the same as long as `stamp` is. */
  index: number;
  depth: number;
  /** null: nothing is in it. */
  isOpen: boolean | null;
  isSelected: boolean;
  isCursor: boolean;
  look: Look;
  /** Part of the title to mark, in lower case; "" for none. */
  match: string;
}

const SVG = "http://www.w3.org/2000/svg";

export class RowPool {
  #rows: Row[] = [];

  constructor(
    private readonly host: HTMLElement,
    private readonly id: string,
  ) {}

  /** Draw the rows from one place to another, `top` pixels scrolled down. `stamp` changes when what they say may have. */
  draw(
    from: number,
    to: number,
    top: number,
    height: number,
    stamp: number,
    describe: (index: number) => DrawnRow,
  ): void {
    const needed = to - from;
    while (this.#rows.length < needed) {
      const row = new Row(`${this.id}-${this.#rows.length}`);
      this.#rows.push(row);
      this.host.append(row.element);
    }
    const size = this.#rows.length;
    const used = new Set<Row>();
    for (let index = from; index < to; index++) {
      const row = this.#rows[index % size] as Row;
      used.add(row);
      if (row.index !== index || row.stamp !== stamp) {
        row.index = index;
        row.stamp = stamp;
        row.show(describe(index));
      }
      row.place(index * height - top);
    }
    for (const row of this.#rows) if (!used.has(row)) row.hide();
  }

  /** The id of the element of a place, for aria-activedescendant. */
  idOf(index: number): string {
    return this.#rows.find((row) => row.index === index && !row.element.hidden)?.element.id ?? "";
  }
}

class Row {
  index = -1;
  stamp = -1;
  readonly element = element("div", "tl-row");
  readonly #indent = element("span", "tl-indent");
  readonly #twist = icon("tl-twist");
  readonly #icon = icon("tl-icon");
  readonly #source = element("span", "tl-source");
  readonly #took = element("span", "tl-took");
  readonly #title = element("span", "tl-title");
  readonly #times = element("span", "tl-times");
  readonly #badge = element("span", "tl-badge");
  readonly #more = element("span", "tl-more");
  readonly #link = element("a", "tl-link") as HTMLAnchorElement;
  readonly #errors = element("span", "tl-count tl-count-errors");
  readonly #warnings = element("span", "tl-count tl-count-warnings");
  readonly #below = element("span", "tl-count");
  readonly #spoken = element("span", "sr-only");
  #top = Number.NaN;

  constructor(id: string) {
    const { element: row } = this;
    row.id = id;
    row.role = "row";
    const name = element("span", "tl-name");
    name.role = "gridcell";
    name.append(this.#indent, this.#twist.svg, this.#icon.svg, this.#source, this.#title, this.#times, this.#badge);
    const beside = element("span", "tl-beside");
    beside.append(element("span", "tl-strut"), this.#more);
    name.append(beside, this.#link, this.#errors, this.#warnings, this.#below, this.#took);
    const when = element("span", "tl-when");
    when.role = "gridcell";
    when.append(this.#spoken);
    this.#link.textContent = "open";
    this.#link.tabIndex = -1;
    row.append(name, when);
  }

  place(top: number): void {
    this.element.hidden = false;
    if (top === this.#top) return;
    this.#top = top;
    this.element.style.transform = `translateY(${top}px)`;
  }

  hide(): void {
    if (this.element.hidden) return;
    this.element.hidden = true;
    this.index = -1;
  }

  show(drawn: DrawnRow): void {
    const { look } = drawn;
    const { element: row } = this;
    row.ariaRowIndex = String(drawn.index + 1);
    row.ariaLevel = String(drawn.depth + 1);
    row.ariaExpanded = drawn.isOpen === null ? null : String(drawn.isOpen);
    row.ariaSelected = String(drawn.isSelected);
    row.className = [
      "tl-row",
      drawn.isSelected ? "tl-selected" : "",
      drawn.isCursor ? "tl-cursor" : "",
      look.isDim ? "tl-dim" : "",
      look.isStrong ? "tl-strong" : "",
      look.isFold ? "tl-fold" : "",
    ].join(" ");
    this.#indent.style.setProperty("--depth", String(drawn.depth));
    this.#twist.show(drawn.isOpen === null ? "" : drawn.isOpen ? OPEN_PATH : CLOSED_PATH, false, "soft");
    this.#icon.show(look.icon.path, look.icon.isFilled, look.iconTone);
    marked(this.#title, look.title, drawn.match);
    this.#title.className = `tl-title tl-tone-${look.titleTone}`;
    text(this.#source, look.source);
    text(this.#took, look.took);
    text(this.#times, look.times);
    text(this.#badge, look.badge);
    this.#badge.className = `tl-badge tl-tone-${look.badgeTone}`;
    text(this.#more, look.more);
    this.#more.className = `tl-more tl-tone-${look.moreTone}`;
    text(this.#errors, look.errors > 0 ? shortCount(look.errors) : "");
    this.#errors.title = look.errors > 0 ? `${count(look.errors)} errors in it` : "";
    text(this.#warnings, look.warnings > 0 ? shortCount(look.warnings) : "");
    this.#warnings.title = look.warnings > 0 ? `${count(look.warnings)} warnings in it` : "";
    text(this.#below, look.below > 0 ? shortCount(look.below) : "");
    this.#below.title = look.below > 0 ? `${count(look.below)} rows in it` : "";
    this.#link.hidden = look.runId === "";
    if (look.runId !== "") {
      this.#link.href = runPath(look.runId);
      this.#link.title = `Open the run ${look.runId}`;
    }
    text(this.#spoken, look.spoken);
  }
}

function element(name: string, className: string): HTMLElement {
  const made = document.createElement(name);
  made.className = className;
  return made;
}

function text(into: HTMLElement, content: string): void {
  if (into.textContent !== content) into.textContent = content;
  into.hidden = content === "";
}

/** A text with the part that a filter looks for in a `mark`. */
function marked(into: HTMLElement, content: string, match: string): void {
  const at = match === "" ? -1 : content.toLowerCase().indexOf(match);
  if (at < 0) {
    if (into.textContent !== content || into.childElementCount > 0) into.textContent = content;
    return;
  }
  const mark = document.createElement("mark");
  mark.textContent = content.slice(at, at + match.length);
  into.replaceChildren(content.slice(0, at), mark, content.slice(at + match.length));
}

function icon(className: string): { svg: SVGElement; show: (path: string, isFilled: boolean, tone: string) => void } {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  let [shown, looks] = ["?", "?"];
  const show = (next: string, isFilled: boolean, tone: string) => {
    const classes = `${className} tl-tone-${tone}${isFilled ? " tl-filled" : ""}`;
    if (next !== shown) path.setAttribute("d", next);
    if (classes !== looks) svg.setAttribute("class", classes);
    [shown, looks] = [next, classes];
  };
  return { svg, show };
}

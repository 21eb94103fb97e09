// The scroll position of a content that may be higher than a browser can make an element.
//
// Up to `TALLEST` pixels it is the element's own. Above, the element is only as high as that: a jump (the scrollbar
// dragged) is read as a share of the whole, a step (wheel, touch) moves by as many pixels as it would anywhere, and the
// scrollbar is brought back in line once the user rests.

/** Firefox ends at some 17.9 million pixels, Chromium at 33.5 million. */
const TALLEST = 8_000_000;
const REST = 150;

export class Scroller {
  /** Where the view begins in the content, in the content's own pixels. */
  top = 0;
  /** The height of the view. */
  view = 0;
  /** The height of the content. */
  total = 0;
  /** Whether the last movement was the user's. */
  byUser = false;
  private element: HTMLElement | null = null;
  private header = 0;
  private last = 0;
  private expected = -1;
  private changed: () => void = () => {};
  private rest: ReturnType<typeof setTimeout> | undefined;

  /** The height that the element gets. */
  get height(): number {
    return Math.min(this.total, TALLEST);
  }

  private get scaled(): boolean {
    return this.total > TALLEST;
  }

  private get ratio(): number {
    return this.scaled ? (this.total - this.view) / (TALLEST - this.view) : 1;
  }

  attach(element: HTMLElement, changed: () => void): () => void {
    this.element = element;
    this.changed = changed;
    const measure = () => {
      const header = element.querySelector<HTMLElement>(":scope > .virtual-header");
      this.header = header?.offsetHeight ?? 0;
      this.view = Math.max(0, element.clientHeight - this.header);
      changed();
    };
    const scrolled = () => {
      this.scrolled(element.scrollTop);
      changed();
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", scrolled, { passive: true });
    measure();
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", scrolled);
      clearTimeout(this.rest);
      this.element = null;
      this.changed = () => {};
    };
  }

  resize(total: number): void {
    this.total = total;
  }

  /** Where a place of the content is within the element. */
  place(y: number): number {
    return this.scaled ? this.last + (y - this.top) : y;
  }

  /** What is drawn now, in short: while this stays the same there is nothing to draw anew. */
  drawing(rowHeight: number): string {
    return `${Math.floor(this.top / rowHeight)} ${this.view} ${this.place(0)}`;
  }

  reveal(y: number, height: number, where: "nearest" | "center" | "start"): void {
    if (where === "center") this.moveTo(y - (this.view - height) / 2);
    else if (where === "start" || y < this.top) this.moveTo(y);
    else if (y + height > this.top + this.view) this.moveTo(y + height - this.view);
  }

  toEnd(): void {
    this.moveTo(this.total);
  }

  /** The content may have become shorter. */
  settle(): void {
    if (this.top > Math.max(0, this.total - this.view)) this.toEnd();
  }

  private moveTo(y: number): void {
    this.top = Math.max(0, Math.min(this.total - this.view, y));
    this.byUser = false;
    this.align();
    this.changed();
  }

  private scrolled(now: number): void {
    const own = now === this.expected;
    const step = now - this.last;
    this.expected = -1;
    this.last = now;
    if (!own) this.byUser = true;
    if (!this.scaled) this.top = now;
    if (own || !this.scaled) return;
    const jump = Math.abs(step) > this.view || now <= 0 || now >= this.height - this.view;
    const y = jump ? now * this.ratio : this.top + step;
    this.top = Math.max(0, Math.min(this.total - this.view, y));
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.align(), REST);
  }

  /** Put the scrollbar where it belongs. */
  private align(): void {
    const element = this.element;
    if (!element) return;
    element.scrollTop = this.top / this.ratio;
    if (element.scrollTop === this.last) return;
    this.expected = element.scrollTop;
    this.last = element.scrollTop;
  }
}

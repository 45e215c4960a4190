// Rows of the page that are drawn only while they are near the window: thousands of them stay smooth.

import { Virtualizer, measureElement, observeWindowOffset, observeWindowRect, windowScroll, type VirtualItem } from "@tanstack/virtual-core";

const OVERSCAN = 12; // so that the next rows can be reached by keyboard

type Options = { count: number; keyOf: (index: number) => string; estimatePx: number; abovePx: number };

export class VirtualRows {
  items = $state.raw<VirtualItem[]>([]);
  heightPx = $state(0);
  private options: Options = { count: 0, keyOf: String, estimatePx: 50, abovePx: 0 };
  private readonly virtualizer: Virtualizer<Window, HTMLElement>;

  constructor() {
    this.virtualizer = new Virtualizer<Window, HTMLElement>(this.settings());
  }

  /** Begin; the returned function ends it. */
  mount(): () => void {
    const unmount = this.virtualizer._didMount();
    this.virtualizer._willUpdate();
    return unmount;
  }

  /** Draw other rows. `abovePx` is how far the first row is from the page's top. */
  update(options: Options): void {
    this.options = options;
    this.virtualizer.setOptions(this.settings());
    this.virtualizer._willUpdate();
    this.read();
  }

  /** Measure a row that is drawn; its attribute `data-index` says which. */
  measure = (row: HTMLElement): (() => void) => {
    this.virtualizer.measureElement(row);
    return () => this.virtualizer.measureElement(null);
  };

  /** Where a row stands below the first one. */
  offsetPx(item: VirtualItem): number {
    return item.start - this.options.abovePx;
  }

  private settings() {
    const { count, keyOf, estimatePx, abovePx } = this.options;
    return {
      count,
      getItemKey: keyOf,
      estimateSize: () => estimatePx,
      scrollMargin: abovePx,
      overscan: OVERSCAN,
      getScrollElement: () => window,
      observeElementRect: observeWindowRect,
      observeElementOffset: observeWindowOffset,
      scrollToFn: windowScroll,
      measureElement,
      initialRect: { width: innerWidth, height: innerHeight },
      onChange: () => this.read(),
    };
  }

  private read(): void {
    this.items = this.virtualizer.getVirtualItems();
    this.heightPx = this.virtualizer.getTotalSize();
  }
}

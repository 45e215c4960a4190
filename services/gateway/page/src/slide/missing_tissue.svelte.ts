// Asks again for what of the tissue did not arrive: OpenSeadragon gives a tile, or the whole slide, up at the first failure.

import type OpenSeadragon from "openseadragon";

import { RETRY_MS } from "../parts/retried";

export class MissingTissue {
  /** Whether the slide as a whole did not arrive. */
  isWhole = $state(false);
  /** Whether parts of it did not. */
  isPartial = $state(false);
  private tiles = new Map<OpenSeadragon.Tile, OpenSeadragon.TiledImage>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Watch a viewer of a slide, and its overview, until the returned function is called. */
  watch(viewer: OpenSeadragon.Viewer, source: string): () => void {
    viewer.addHandler("open", () => (this.isWhole = false));
    viewer.addHandler("open-failed", () => {
      this.isWhole = true;
      this.later(() => viewer.open({ tileSource: source }));
    });
    for (const part of [viewer, viewer.navigator]) {
      part.addHandler("tile-load-failed", ({ tile, tiledImage }) => {
        this.isPartial = true;
        this.tiles.set(tile, tiledImage);
        this.later(() => this.askAgain());
      });
    }
    return () => {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.tiles.clear();
    };
  }

  private askAgain(): void {
    // one out of sight is asked for when it comes into sight: nothing is missing once nothing has failed for a while
    this.isPartial = this.tiles.size > 0;
    if (!this.isPartial) return;
    for (const [tile, image] of this.tiles) {
      tile.exists = true;
      image.setClip(image.getClip()); // the viewer then looks for tiles to load, which it does not while nothing moves
    }
    this.tiles.clear();
    this.later(() => this.askAgain());
  }

  private later(task: () => void): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      task();
    }, RETRY_MS);
  }
}

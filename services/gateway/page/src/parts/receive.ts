// Sends what was dropped or chosen where it belongs: slides are uploaded, patches are classified folder by folder.

import { patchUploads } from "../patches/upload.svelte";
import { route } from "../routing/route.svelte";
import { slideUploads } from "../slides/slide_upload.svelte";
import { sorted, type Dropped } from "./dropped";

export function receive(dropped: Dropped[]): void {
  const { slides, folders } = sorted(dropped);
  const uploads = patchUploads.add(folders);
  slideUploads.add(slides);
  // One folder is shown as it fills; of several things the list is the overview.
  if (slides.length === 0 && uploads.length === 1) route.go(`/patches?folder=${uploads[0]!.id}`);
  else if (slides.length + uploads.length > 0) route.go("/");
}

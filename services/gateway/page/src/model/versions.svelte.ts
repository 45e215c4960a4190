// The versions of the model at the inference servers, and which of them serves.

import { call, send } from "../interface/call";
import type { ModelVersion, VersionList } from "../interface/types";
import { attempt } from "../session/session.svelte";

const PATH = "/api/v1/models/versions";

export type Change = { version: ModelVersion; kind: "promote" | "roll-back" };

export class Versions {
  list = $state.raw<VersionList | null>(null);
  /** Why they cannot be listed or changed. */
  message = $state("");
  isBusy = $state(false);

  async load(): Promise<void> {
    this.message = await attempt(async () => (this.list = await call<VersionList>(PATH)));
  }

  /** Change what serves, at every server; gives whether it did. */
  async change({ version, kind }: Change): Promise<boolean> {
    this.isBusy = true;
    this.message = await attempt(async () => (this.list = await send<VersionList>(`${PATH}/${version.version}/${kind}`, "POST", {})));
    this.isBusy = false;
    return this.message === "";
  }
}

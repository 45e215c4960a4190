// The page's views: where each one is, who may see it, and where its code is.

import type { Component } from "svelte";

import type { Scope } from "./interface/types";
import WorkList from "./slides/WorkList.svelte";
import type { Words } from "./words/en";

export type View = {
  name: keyof Words["views"];
  /** The address behind the `#`; what `:id` stands for is the property `id` of the view. */
  path: string;
  /** The caller needs one of these. */
  scopes?: Scope[];
  isInMenu?: boolean;
  load: () => Promise<{ default: Component<{ id: string }> | Component }>;
};

// Only the first view comes with the page: the slide's viewer alone is larger than all the rest.
export const VIEWS: View[] = [
  { name: "work", path: "/", isInMenu: true, load: () => Promise.resolve({ default: WorkList }) },
  { name: "patches", path: "/patches", isInMenu: true, load: () => import("./patches/Patches.svelte") },
  { name: "slide", path: "/slides/:id", load: () => import("./slide/SlideView.svelte") },
  { name: "review", path: "/slides/:id/review", scopes: ["review"], load: () => import("./review/ReviewView.svelte") },
  { name: "model", path: "/model", scopes: ["read"], isInMenu: true, load: () => import("./model/ModelView.svelte") },
  {
    name: "administration",
    path: "/administration/:part?",
    scopes: ["read"],
    isInMenu: true,
    load: () => import("./administration/Administration.svelte"),
  },
];

/** The address of a view, without the optional parts. */
export function addressOf({ path }: View): string {
  return `#${path.replace(/\/:\w+\?$/, "")}`;
}

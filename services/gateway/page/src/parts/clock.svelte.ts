// The time of day as a value that moves on each second, for what counts down.

import { createSubscriber } from "svelte/reactivity";

const TICK_MS = 1000;
const follow = createSubscriber((update) => {
  const timer = setInterval(update, TICK_MS);
  return () => clearInterval(timer);
});

/** Milliseconds since 1970; whoever reads it in a view is drawn again each second. */
export function now(): number {
  follow();
  return Date.now();
}

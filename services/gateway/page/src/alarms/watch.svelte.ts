// The alarms as the gateway tells them.

import type { Alarm, AlarmList } from "../interface/types";
import { announcing } from "./announcing.svelte";
import { hasFinding, newestFinding } from "./sentences";

class AlarmWatch {
  items = $state.raw<Alarm[]>([]);
  brokerConnected = $state(true);
  hasAnswer = $state(false);
  private announced: Set<string> | null = null; // null before the first list

  /** Whether a finding waits at any alarm that is online. */
  get finding(): boolean {
    return this.items.some((alarm) => alarm.online && hasFinding(alarm));
  }

  take(list: AlarmList): void {
    this.items = list.items;
    this.brokerConnected = list.broker_connected;
    this.hasAnswer = true;
    const waiting = new Set(list.items.filter((alarm) => alarm.online && hasFinding(alarm)).map((alarm) => `${alarm.device} ${newestFinding(alarm)}`));
    // What waits when the page is opened is shown; what comes after it is announced.
    if (this.announced !== null && [...waiting].some((finding) => !this.announced!.has(finding))) announcing.announce();
    this.announced = waiting;
  }

  /** Forget everything: someone else may sign in. */
  clear(): void {
    [this.items, this.brokerConnected, this.hasAnswer, this.announced] = [[], true, false, null];
  }
}

export const alarms = new AlarmWatch();

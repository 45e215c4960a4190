// Asks for the alarms as long as somebody is signed in.

import { SignedOut, call } from "../interface/call";
import type { Alarm, AlarmList } from "../interface/types";
import { hasFinding } from "./sentences";

const PERIOD_MS = 1000;

class AlarmWatch {
  items = $state.raw<Alarm[]>([]);
  brokerConnected = $state(true);
  hasAnswer = $state(false);
  /** Why the reports may be outdated, where the gateway does not answer. */
  failure = $state("");

  /** Whether a finding waits at any alarm that is online. */
  get finding(): boolean {
    return this.items.some((alarm) => alarm.online && hasFinding(alarm));
  }

  /** Ask until the returned function is called; `onSignedOut` is called when the session has ended. */
  start(onSignedOut: () => void): () => void {
    const stopped = new AbortController();
    void this.ask(stopped.signal, onSignedOut);
    return () => stopped.abort();
  }

  private async ask(signal: AbortSignal, onSignedOut: () => void): Promise<void> {
    while (!signal.aborted) {
      try {
        const answer = await call<AlarmList>("/api/v1/alarms", { signal, waits: false });
        this.items = answer.items;
        this.brokerConnected = answer.broker_connected;
        this.hasAnswer = true;
        this.failure = "";
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof SignedOut) return onSignedOut();
        this.failure = (error as Error).message;
      }
      await new Promise((resume) => setTimeout(resume, PERIOD_MS));
    }
  }
}

export const alarms = new AlarmWatch();

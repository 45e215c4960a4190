// Who is signed in, and which of the three views of that is shown: sign in, set the password, work.

import { SignedOut, call, send, type CallOptions } from "../interface/call";
import type { Scope, Session } from "../interface/types";
import { route } from "../routing/route.svelte";
import { words } from "../words/words.svelte";

const LINK = /^#sign-in=([\w-]{20,256})$/;
const PATH = "/api/v1/session";

type Secret = { key: string } | { link: string } | { name: string; password: string };

/** By which the tabs of one browser, which have one session, tell each other that it is another one now. */
const tabs = new BroadcastChannel("idc-session");

class CurrentSession {
  who = $state.raw<Session | null>(null);
  view = $state<"starting" | "sign-in" | "password" | "work">("starting");
  /** Why the sign-in is shown, or why it or the sign-out failed. */
  message = $state("");

  may(scope: Scope): boolean {
    return this.who?.scopes.includes(scope) ?? false;
  }

  /** Whether the caller has one of these permissions, where any is needed. */
  mayEnter(scopes: readonly Scope[] = []): boolean {
    return scopes.length === 0 || scopes.some((scope) => this.may(scope));
  }

  /** Resume the session, or use the one-time link of the address. */
  async start(): Promise<void> {
    const link = LINK.exec(location.hash);
    if (link === null) return this.resume();
    // The token goes from the address line before anything else: it must not stay in the history.
    history.replaceState(null, "", location.pathname);
    route.read();
    await this.open({ link: link[1]! });
  }

  /** Ask for a sign-in; `message` says why. */
  end(message = ""): void {
    this.who = null;
    this.view = "sign-in";
    this.message = message;
  }

  /** Sign in; what went wrong is in `message`. */
  async open(secret: Secret): Promise<void> {
    try {
      await send(PATH, "POST", secret);
    } catch (error) {
      const isUsed = "link" in secret && error instanceof SignedOut;
      return this.end(isUsed ? words().session.linkUsed : (error as Error).message);
    }
    tabs.postMessage(null);
    await this.resume();
    if ("link" in secret && this.who?.is_user) this.view = "password";
  }

  /** Set the password. Throws what `send` throws, except that the session has ended. */
  async setPassword(password: string, old: string): Promise<void> {
    try {
      await send(`${PATH}/password`, "PUT", { password, ...(this.who?.needs_old_password ? { old_password: old } : {}) });
    } catch (error) {
      if (error instanceof SignedOut) return this.end(words().session.ended);
      throw error;
    }
    await this.resume();
  }

  /** Sign out; where the gateway did not end the session, the view stays and `message` says so. */
  async signOut(): Promise<void> {
    try {
      await call(PATH, { method: "DELETE" });
    } catch (error) {
      if (!(error instanceof SignedOut)) return void (this.message = words().session.notSignedOut((error as Error).message));
    }
    tabs.postMessage(null);
    this.end();
  }

  /**
   * Ask whose session the browser has, and end where it is no longer this person's: another tab may have signed in.
   *
   * Throws what `call` throws, except that the session has ended.
   */
  async check(options: CallOptions = {}): Promise<void> {
    const own = this.who?.name;
    if (own === undefined) return;
    const found = await call<Session>(PATH, options).catch((error: unknown) => {
      if (error instanceof SignedOut) return null;
      throw error;
    });
    if (this.who?.name !== own || found?.name === own) return;
    this.end(found === null ? words().session.ended : words().session.someoneElse(found.name));
  }

  private async resume(): Promise<void> {
    try {
      this.who = await call<Session>(PATH);
    } catch (error) {
      if (!(error instanceof SignedOut)) return this.end((error as Error).message);
      return this.end(error.hadSession ? words().session.ended : "");
    }
    this.message = "";
    this.view = "work";
  }
}

export const session = new CurrentSession();
tabs.onmessage = () => void session.check().catch(() => null); // the stream of changes asks again

/** Run what asks the gateway; the end of the session leads to the sign-in, any other failure is returned in words. */
export async function attempt(task: () => Promise<unknown>): Promise<string> {
  const { who } = session;
  try {
    await task();
  } catch (error) {
    if (!(error instanceof SignedOut)) return (error as Error).message;
    if (session.who === who) session.end(words().session.ended); // a late answer does not end the session that followed
  }
  return "";
}

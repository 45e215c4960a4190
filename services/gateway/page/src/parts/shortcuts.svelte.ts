// Keys that do something by themselves, without Ctrl or Alt. Who speaks to the computer or hits keys by chance switches them off.

const KEPT = "shortcuts";
/** Inputs that take no letters or digits: a shortcut works in them, too. */
const UNTYPED = ["button", "checkbox", "radio", "range"];

class Shortcuts {
  /** Whether letters and digits do something; the browser remembers it. */
  isOn = $state(localStorage.getItem(KEPT) !== "no");

  set(isOn: boolean): void {
    this.isOn = isOn;
    localStorage.setItem(KEPT, isOn ? "yes" : "no");
  }

  /** What `aria-keyshortcuts` says of a key. */
  named(key: string): string | undefined {
    return this.isOn ? key : undefined;
  }

  /** The key of a shortcut, in lower case; null if the press is not one: somebody types, holds the key, or means the browser. */
  keyOf(event: KeyboardEvent): string | null {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTyped(event.target)) return null;
    return this.isOn || event.key.length > 1 ? event.key.toLowerCase() : null; // Escape and the like have longer names
  }
}

/** Whether a control takes letters and digits itself; a list jumps to the entry that begins with them. */
function isTyped(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !UNTYPED.includes(target.type);
  return target instanceof HTMLElement && (target.isContentEditable || ["SELECT", "TEXTAREA"].includes(target.tagName));
}

export const shortcuts = new Shortcuts();

// Says that a finding came: by two tones or by a spoken sentence, where somebody has switched that on.

import { language, words } from "../words/words.svelte";

const KEPT = "announce";
const TONES_HZ = [880, 660];
const TONE_S = 0.22;
const LOUDNESS = 0.25;

export type Announcement = "sound" | "speech";

class Announcing {
  /** What is switched on; the browser remembers it. */
  chosen = $state.raw<Announcement[]>(remembered());
  /** Whether the browser lets the page sound: it does not before the first click or key on it. */
  isMuted = $state(false);
  private context: AudioContext | null = null;

  has(kind: Announcement): boolean {
    return this.chosen.includes(kind);
  }

  toggle(kind: Announcement): void {
    this.chosen = this.has(kind) ? this.chosen.filter((other) => other !== kind) : [...this.chosen, kind];
    localStorage.setItem(KEPT, this.chosen.join(" "));
    if (this.has(kind)) this.announce([kind]); // so that one hears what it will be
  }

  announce(kinds: Announcement[] = this.chosen): void {
    if (kinds.includes("sound")) void this.sound();
    if (kinds.includes("speech")) speak(words().alarms.spoken, language.code);
  }

  private async sound(): Promise<void> {
    this.context ??= new AudioContext();
    const { context } = this;
    // A browser may keep the promise open until the next click: what is outdated then must not sound.
    void context.resume();
    await new Promise((resume) => setTimeout(resume, 100));
    this.isMuted = context.state !== "running";
    if (this.isMuted) return;
    TONES_HZ.forEach((frequency, place) => {
      const [tone, volume] = [context.createOscillator(), context.createGain()];
      const from = context.currentTime + place * TONE_S;
      tone.frequency.value = frequency;
      volume.gain.setValueAtTime(0, from);
      volume.gain.linearRampToValueAtTime(LOUDNESS, from + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.001, from + TONE_S);
      tone.connect(volume).connect(context.destination);
      tone.start(from);
      tone.stop(from + TONE_S);
    });
  }
}

function speak(sentence: string, code: string): void {
  if (!("speechSynthesis" in window)) return;
  const spoken = new SpeechSynthesisUtterance(sentence);
  spoken.lang = code;
  speechSynthesis.cancel(); // of several findings the last is said once
  speechSynthesis.speak(spoken);
}

function remembered(): Announcement[] {
  const kept = (localStorage.getItem(KEPT) ?? "").split(" ");
  return (["sound", "speech"] as const).filter((kind) => kept.includes(kind));
}

export const announcing = new Announcing();

import type { session as english } from "../en/session";

export const session: typeof english = {
  signIn: "Anmelden",
  signOut: "Abmelden",
  name: "Name",
  password: "Passwort",
  useKey: "Stattdessen einen API-Schlüssel verwenden",
  key: "API-Schlüssel",
  keyHint: "Auf dem Rechner, auf dem das System läuft, zeigt dieser Befehl den ersten Schlüssel:",
  signInWithKey: "Mit dem Schlüssel anmelden",
  setYourPassword: "Passwort festlegen",
  oldPassword: "Altes Passwort",
  newPassword: "Neues Passwort",
  passwordRules:
    "Mindestens 12 Zeichen; mehrere Wörter merkt man sich leicht. Verbreitete Passwörter und der eigene Name werden abgelehnt. Andere Sitzungen enden.",
  setPassword: "Passwort speichern",
  cancel: "Abbrechen",
  ended:
    "Die Sitzung ist beendet: zu lange nicht benutzt, in einem anderen Fenster abgemeldet, Passwort geändert oder von der Administration beendet. Bitte erneut anmelden.",
  notSignedOut: (why) => `Noch angemeldet: ${why}`,
  stopsUploads: "Abmelden? Laufende Übertragungen werden angehalten.",
  someoneElse: (name) => `In einem anderen Fenster dieses Browsers hat sich ${name} angemeldet. Bitte erneut anmelden oder neu laden, um als ${name} weiterzuarbeiten.`,
  linkUsed: "Dieser Anmeldelink wurde schon benutzt oder ist abgelaufen: Er gilt einmal und eine Stunde lang. Die Administration kann einen neuen ausstellen.",
};

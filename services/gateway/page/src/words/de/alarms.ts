import type { alarms as english } from "../en/alarms";

export const alarms: typeof english = {
  title: "Alarme",
  titleFinding: "Befund",
  waiting: "Warten auf den Alarm …",
  none: "Noch hat sich kein Alarm gemeldet.",
  stale: (why) => `Diese Meldungen sind möglicherweise veraltet: ${why}`,
  brokerAway: "Der Broker ist nicht verbunden.",
  online: "online",
  offline: "offline: Der Zustand der Lampen ist unbekannt",
  lamps: { red: "Rot", amber: "Gelb", blue: "Blau", buzzer: "Summer" },
  lamp: (name, isLit) => `${name} ${isLit ? "an" : "aus"}`,
  acknowledge: "Befund quittieren",
  silence: (minutes) => `${minutes} min stummschalten`,
  test: "Testen",
  found: (findings, sounds) =>
    `${findings > 1 ? `In ${findings} Ausschnitten oder Schnitten wurde IDC gefunden` : "IDC wurde gefunden"} und nicht quittiert${sounds ? "; der Summer ertönt" : ""}.`,
  selfTest: "Der Alarm testet Lampen und Summer.",
  silencedUntil: (time) => `Der Summer ist bis ${time} stummgeschaltet.`,
  unreliable: (reasons) => `Auf den Alarm ist kein Verlass: ${reasons.join("; ")}.`,
  technical: {
    broker_lost: "der Alarm hat keine Verbindung zum Broker",
    gateway_offline: "ein Gateway ist offline oder dem Alarm unbekannt",
    no_message: "der Alarm hat zu lange nichts empfangen",
    clock_wrong: "die Uhr des Alarms geht falsch",
    journal_failed: "der Alarm kann seinen Zustand nicht speichern",
  },
  lastUncertain: "Der letzte Ausschnitt war unsicher.",
  acknowledged: "Ein Befund wurde quittiert. Danach wurde kein Ausschnitt klassifiziert.",
  lastClear: "Der letzte Ausschnitt zeigt kein IDC.",
  idle: "Nichts anzuzeigen. Das heißt nicht, dass kein IDC gefunden wurde.",
  unexplained: "Dieser Alarm meldet nicht, warum seine Lampen leuchten.",
};

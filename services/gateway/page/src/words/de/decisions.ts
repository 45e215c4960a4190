import type { decisions as english } from "../en/decisions";

export const decisions: typeof english = {
  decisions: { idc: "IDC", uncertain: "Unsicher", no_idc: "Kein IDC" },
  reasons: {
    between_thresholds: "zwischen den Schwellen",
    little_tissue: "wenig Gewebe",
    unfamiliar: "anders als die Trainingsausschnitte",
    out_of_focus: "unscharf",
  },
};

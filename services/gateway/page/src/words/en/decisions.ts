import type { Decision, Reason } from "../../interface/types";

export const decisions = {
  decisions: { idc: "IDC", uncertain: "Uncertain", no_idc: "No IDC" } satisfies Record<Decision, string>,
  reasons: {
    between_thresholds: "between the thresholds",
    little_tissue: "little tissue",
    unfamiliar: "unlike the training patches",
    out_of_focus: "out of focus",
  } satisfies Record<Reason, string>,
};

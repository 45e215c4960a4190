/** A sentence from the gateway's own one. */
type Translate = (detail: string) => string;

export const problems = {
  /** Refusals, by the last part of the problem's type. The gateway's own words are English, and name the value. */
  refusals: {} as Record<string, Translate>,
  /** Why a slide was not screened, by the failure's code; likewise. */
  failures: {} as Record<string, Translate>,
  /** What a reader of a slide must know, by how the slides service's sentence begins; likewise. */
  warnings: {} as Record<string, Translate>,
};

// The gateway's REST interface, as the page uses it.

/** The session has ended: expired, revoked or signed out elsewhere. */
export class SignedOut extends Error {}

/** The gateway did not answer. */
export class Unreachable extends Error {}

/** The gateway refused a request: `status`, and `problem` in the gateway's own words (RFC 9457). */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `The gateway answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

/** Send one request and return the JSON of its answer; throws SignedOut, Unreachable or Refused. */
export async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Unreachable("The gateway does not answer. Is the stack running?");
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw answer.status === 401 ? new SignedOut(problem.detail ?? "Sign in again.") : new Refused(answer.status, problem);
}

/** Send one JSON body. */
export function send(path, method, body) {
  return call(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

// The gateway's REST interface, as the page uses it.

export class SignedOut extends Error {}

/** Send one request; throws with the problem's own words where the gateway refuses it. */
export async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Error("The gateway does not answer. Is the stack running?");
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const problem = await answer.json().catch(() => ({}));
  const words = problem.detail ?? `The gateway answered ${answer.status}.`;
  throw answer.status === 401 ? new SignedOut(words) : new Error(words);
}

/** Send one JSON body. */
export function send(path, method, body) {
  return call(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

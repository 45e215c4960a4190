// Signs in by password, API key or one-time link; sets the password; signs out.

import { SignedOut, call, send } from "/static/api.js";

const one = (selector) => document.querySelector(selector);
const views = { signIn: one("#sign-in-view"), password: one("#password-view"), work: one("#work-view") };
const LINK = /^#sign-in=([\w-]{20,256})$/;
let enter = () => {};
let leave = () => {};
let session = null;

/** Show what is due: `onEnter(session)` is called when someone is signed in, `onLeave()` when nobody is any more. */
export async function start(onEnter, onLeave) {
  [enter, leave] = [onEnter, onLeave];
  const link = LINK.exec(location.hash);
  if (link === null) return resume();
  // The token goes from the address line before anything else: it must not stay in the history.
  history.replaceState(null, "", location.pathname);
  await open({ link: link[1] }, "link");
}

/** Ask for a sign-in; `words` say why. */
export function showSignIn(words = "") {
  session = null;
  leave();
  show("signIn");
  one("#sign-in-message").textContent = words;
  one("#name").focus();
}

async function resume() {
  try {
    session = await call("/api/v1/session");
  } catch (error) {
    return showSignIn(error instanceof SignedOut ? "" : error.message);
  }
  show("work");
  enter(session);
}

async function open(secret, kind) {
  try {
    await send("/api/v1/session", "POST", secret);
  } catch (error) {
    return showSignIn(error.message);
  }
  for (const field of document.querySelectorAll("input[type=password]")) field.value = "";
  await resume();
  if (kind === "link" && session?.is_user) showPassword();
}

function showPassword() {
  leave();
  show("password");
  one("#new-password input[name=username]").value = session.name;
  one("#password-message").textContent = "";
  one("#old-password").hidden = !session.needs_old_password;
  one("#old").required = session.needs_old_password;
  one(session.needs_old_password ? "#old" : "#chosen").focus();
}

function show(name) {
  for (const [key, view] of Object.entries(views)) view.hidden = key !== name;
  one("#sign-out").hidden = name === "signIn";
  one("#change-password").hidden = name !== "work" || !session?.is_user;
}

one("#sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  open({ name: one("#name").value.trim(), password: one("#password").value }, "password");
});

one("#key-sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  open({ key: one("#key").value }, "key");
});

one("#new-password").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const old = session.needs_old_password ? { old_password: one("#old").value } : {};
    await send("/api/v1/session/password", "PUT", { password: one("#chosen").value, ...old });
  } catch (error) {
    if (error instanceof SignedOut) return showSignIn(error.message);
    one("#password-message").textContent = error.message;
    return;
  }
  one("#chosen").value = one("#old").value = "";
  await resume();
});

one("#change-password").addEventListener("click", showPassword);

one("#sign-out").addEventListener("click", async () => {
  await call("/api/v1/session", { method: "DELETE" }).catch(() => null);
  showSignIn();
});

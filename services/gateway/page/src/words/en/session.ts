export const session = {
  signIn: "Sign in",
  signOut: "Sign out",
  name: "Name",
  password: "Password",
  useKey: "Use an API key instead",
  key: "API key",
  keyHint: "On the machine that runs the stack, this prints the first key:",
  signInWithKey: "Sign in with the key",
  setYourPassword: "Set your password",
  oldPassword: "Old password",
  newPassword: "New password",
  passwordRules:
    "At least 12 characters; several words are easy to remember. Common passwords and your name are rejected. Your other sessions end.",
  setPassword: "Set the password",
  cancel: "Cancel",
  ended:
    "Your session has ended: it was unused for too long, was signed out in another window, the password was changed, or an administrator ended it. Sign in again.",
  notSignedOut: (why: string) => `You are still signed in: ${why}`,
  stopsUploads: "Sign out? Uploads that are running stop.",
  someoneElse: (name: string) => `${name} signed in to this browser in another window. Sign in again, or reload the page to continue as ${name}.`,
  linkUsed: "This sign-in link was used or has expired: it works once, within an hour. Ask an administrator for a new one.",
};

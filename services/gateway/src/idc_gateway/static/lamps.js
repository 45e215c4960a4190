// Shows each alarm's lamps and buzzer as the alarm itself reports them.

import { SignedOut, call, send } from "/static/api.js";

const PERIOD_MS = 1000;
const list = document.querySelector("#alarm-list");
const message = document.querySelector("#alarms-message");
const template = document.querySelector("#alarm-template");
let timer = null;
let watch = 0; // which call of watchAlarms is the current one: an answer that comes after it ended changes nothing

/** Start to ask for the alarms; `onSignedOut` is called when the session is over. */
export function watchAlarms(onSignedOut, mayCommand) {
  stopWatching();
  list.classList.toggle("read-only", !mayCommand);
  const own = watch;
  const ask = async () => {
    try {
      const answer = await call("/api/v1/alarms");
      if (own !== watch) return;
      show(answer);
    } catch (error) {
      if (own !== watch) return;
      if (error instanceof SignedOut) return onSignedOut();
      message.textContent = `What follows may be old: ${error.message}`;
      message.hidden = false;
    }
    timer = setTimeout(ask, PERIOD_MS);
  };
  ask();
}

export function stopWatching() {
  watch += 1;
  clearTimeout(timer);
}

function show({ broker_connected: isConnected, items }) {
  const words = !isConnected
    ? "The broker is not connected: what follows may be old."
    : items.length === 0
      ? "No alarm has reported yet."
      : "";
  if (message.textContent !== words) message.textContent = words;
  message.hidden = words === "";
  for (const item of items) showAlarm(rowOf(item.device), item);
}

function rowOf(device) {
  const known = list.querySelector(`[data-device="${CSS.escape(device)}"]`);
  if (known) return known;
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.device = device;
  row.querySelector(".device strong").textContent = device;
  row.querySelector(".acknowledge").addEventListener("click", (event) => acknowledge(device, event.currentTarget));
  list.append(row);
  return row;
}

function showAlarm(row, alarm) {
  const outputs = { ...(alarm.lamps ?? {}), buzzer: alarm.buzzer };
  row.classList.toggle("offline", !alarm.online);
  row.querySelector(".status").textContent = alarm.online ? "online" : "offline: its lamps are not known";
  for (const lamp of row.querySelectorAll(".lamp")) {
    const isLit = Boolean(outputs[lamp.dataset.lamp]);
    lamp.classList.toggle("lit", isLit);
    lamp.setAttribute("aria-label", `${lamp.dataset.lamp} ${isLit ? "on" : "off"}`);
  }
  row.querySelector(".words").textContent = inWords(alarm);
  row.querySelector(".acknowledge").hidden = !(alarm.online && outputs.red);
}

function inWords({ online, lamps, buzzer }) {
  if (!online || !lamps) return "";
  const parts = [];
  if (lamps.red) parts.push(`IDC was found and nobody has acknowledged it${buzzer ? "; the buzzer sounds" : ""}.`);
  if (lamps.amber) parts.push("The last patch was uncertain.");
  if (lamps.blue) parts.push("The last patch shows no IDC.");
  return parts.join(" ") || "All lamps are out.";
}

async function acknowledge(device, button) {
  button.disabled = true;
  try {
    await send(`/api/v1/alarms/${encodeURIComponent(device)}/acknowledgements`, "POST", { by: "page" });
  } catch (error) {
    message.textContent = error.message;
    message.hidden = false;
  } finally {
    button.disabled = false;
  }
}

// Shows each alarm's lamps and buzzer as the alarm itself reports them, and explains them in words.

import { SignedOut, call, send } from "/static/api.js";

const PERIOD_MS = 1000;
const STALE = "These reports may be outdated:";
const REASONS = {
  broker_lost: "the alarm has no connection to the broker",
  gateway_offline: "a gateway is offline or unknown to the alarm",
  no_message: "the alarm has received nothing for too long",
  clock_wrong: "the alarm's clock is wrong",
  journal_failed: "the alarm cannot save its state",
};
const list = document.querySelector("#alarm-list");
const message = document.querySelector("#alarms-message");
const template = document.querySelector("#alarm-template");
let timer = null;
let watch = 0; // which call of watchAlarms is the current one: an answer that comes after it ended changes nothing

/** Start to ask for the alarms; `onSignedOut` is called when the session has ended. */
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
      showMessage(`${STALE} ${error.message}`, true);
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
  if (!isConnected) showMessage(`${STALE} the broker is not connected.`, true);
  else showMessage(items.length === 0 ? "No alarm has reported yet." : "", false);
  const devices = new Set(items.map(({ device }) => device));
  for (const row of [...list.children]) if (!devices.has(row.dataset.device)) row.remove();
  for (const item of items) showAlarm(rowOf(item.device), item);
}

function showMessage(words, isStale) {
  if (message.textContent !== words) message.textContent = words;
  message.hidden = words === "";
  list.classList.toggle("stale", isStale);
}

function rowOf(device) {
  const known = list.querySelector(`[data-device="${CSS.escape(device)}"]`);
  if (known) return known;
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.device = device;
  row.querySelector(".device strong").textContent = device;
  row.querySelector(".acknowledge").addEventListener("click", () => acknowledge(row));
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
  row.querySelector(".words").textContent = alarm.online && alarm.lamps ? inWords(alarm) : "";
  row.dataset.upTo = alarm.latest_finding ?? alarm.latched_by ?? "";
  row.querySelector(".acknowledge").hidden = !(alarm.online && hasFinding(alarm));
}

/** Whether a finding waits for an acknowledgement. A red lamp alone does not say so: a self-test lights it too. */
function hasFinding({ state, findings, latched_by: latchedBy }) {
  return state === "finding" || findings > 0 || Boolean(latchedBy);
}

function inWords(alarm) {
  const parts = [];
  if (hasFinding(alarm)) parts.push(findingInWords(alarm));
  if (alarm.state === "self_test") parts.push("The alarm tests its lamps and buzzer.");
  if (alarm.silenced_until) parts.push(`The buzzer is silenced until ${timeOf(alarm.silenced_until)}.`);
  if (alarm.technical.length > 0) {
    const reasons = alarm.technical.map((reason) => REASONS[reason] ?? reason);
    parts.push(`The alarm cannot be relied on: ${reasons.join("; ")}.`);
  }
  if (alarm.state === "review") parts.push("The last patch was uncertain.");
  if (alarm.state === "acknowledged") parts.push("A finding was acknowledged. No patch was classified after it.");
  if (alarm.state === "clear") parts.push("The last patch shows no IDC.");
  if (alarm.state === "idle") parts.push("Nothing to show. This does not mean that no IDC was found.");
  return parts.join(" ") || "This alarm does not report why its lamps are lit.";
}

function findingInWords({ findings, buzzer, state }) {
  const found = findings > 1 ? `IDC was found in ${findings} patches` : "IDC was found";
  return `${found} and nobody has acknowledged it${buzzer && state === "finding" ? "; the buzzer sounds" : ""}.`;
}

function timeOf(moment) {
  return new Date(moment).toLocaleTimeString();
}

/** Acknowledge the findings that this row shows, and no later one. */
async function acknowledge(row) {
  const button = row.querySelector(".acknowledge");
  const { device, upTo } = row.dataset;
  const refusal = row.querySelector(".message");
  button.disabled = true;
  refusal.textContent = "";
  try {
    const path = `/api/v1/alarms/${encodeURIComponent(device)}/acknowledgements`;
    await send(path, "POST", upTo ? { up_to: upTo } : {});
  } catch (error) {
    refusal.textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

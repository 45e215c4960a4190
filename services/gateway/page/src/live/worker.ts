// The worker that the tabs of one browser share: it alone holds the gateway's stream.

import { Sharing, type Follows } from "./sharing";
import { Stream } from "./stream";

const sharing = new Sharing({ start: () => stream.start(), stop: () => stream.stop() });
const stream = new Stream((told) => sharing.take(told));

addEventListener("connect", (event) => {
  const [tab] = (event as MessageEvent).ports;
  if (tab) tab.onmessage = ({ data }: MessageEvent<Follows>) => sharing.say(tab, data);
});

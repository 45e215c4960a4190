// Everything the page says, in English: a file for each room. The other languages have the same keys.

import { administration } from "./administration";
import { alarms } from "./alarms";
import { decisions } from "./decisions";
import { drift } from "./drift";
import { model } from "./model";
import { occlusion } from "./occlusion";
import { patches } from "./patches";
import { problems } from "./problems";
import { review } from "./review";
import { session } from "./session";
import { shell } from "./shell";
import { slide } from "./slide";
import { slides } from "./slides";
import { status } from "./status";

export const en = {
  ...decisions,
  ...patches,
  ...shell,
  administration,
  alarms,
  drift,
  model,
  occlusion,
  problems,
  review,
  session,
  slide,
  slides,
  status,
};

export type Words = typeof en;

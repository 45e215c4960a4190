// Everything the page says, in German.

import type { Words } from "../en";
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

export const de: Words = {
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

/** What is told of quickstart.clab.yml, in this order. Each chapter leaves the lab as it found it. */

import { anycast } from "./chapters/anycast.ts";
import { floatingAtGateway, floatingAtHost } from "./chapters/floating.ts";
import { hitless } from "./chapters/hitless.ts";
import { moving } from "./chapters/moving.ts";
import { publicNetwork } from "./chapters/public.ts";
import { sessions } from "./chapters/sessions.ts";
import { truth } from "./chapters/truth.ts";
import { withBird } from "./chapters/with-bird.ts";
import type { Chapter } from "./step.ts";

export const STORY: readonly Chapter[] = [
  sessions,
  floatingAtHost,
  floatingAtGateway,
  publicNetwork,
  truth,
  anycast,
  moving,
  hitless,
];

/** What is told of interop-bird.clab.yml. */
export const BIRD_STORY: readonly Chapter[] = [withBird];

/** What the RIB needs to know of the speaker's options. */

import type { RibOptions } from "../rib/rib.ts";
import type { SpeakerOptions } from "./options.ts";

export const ribOptions = (options: SpeakerOptions): RibOptions => ({
  asn: options.asn,
  routerId: options.routerId.w0,
  clusterId: (options.clusterId ?? options.routerId).w0,
  multipath: options.multipath,
  multipathRelax: options.multipathRelax ?? true,
  alwaysCompareMed: options.decision?.alwaysCompareMed === true,
  missingMedAsWorst: options.decision?.missingMedAsWorst === true,
  advertiseInstalledOnly: options.advertiseInstalledOnly,
  tracksNextHops: options.tracksNextHops === true,
});

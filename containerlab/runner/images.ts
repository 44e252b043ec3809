/** What stands in for an image on a machine without containers: programs of this machine, started the same way. */

import { existsSync } from "node:fs";

export interface Image {
  /** Debian packages that hold the programs. */
  readonly packages: readonly string[];
  /** Paths that must exist. */
  readonly needs: readonly string[];
  /** What the image runs when the topology gives no entrypoint; the topology's `cmd` is appended. */
  readonly entrypoint: readonly string[];
}

/** Where a node sees this repository: the place that our Dockerfile copies it to. */
export const INSIDE = "/opt/gatewayd";

/**
 * FRR's daemons, in the foreground's place a sleep: they fork away by themselves. The configuration is read once all
 * of them listen, as FRR's own start script does.
 */
const FRR = [
  "install -d -o frr -g frr /run/frr",
  ". /etc/frr/daemons",
  "/usr/lib/frr/zebra -d $zebra_options",
  '[ "$bgpd" != yes ] || /usr/lib/frr/bgpd -d $bgpd_options',
  "vtysh -b",
  "exec sleep infinity",
].join("\n");

const BIRD = "mkdir -p /run/bird; exec bird -f -c /etc/bird.conf -s /run/bird/bird.ctl";

const IMAGES: readonly { readonly name: RegExp; readonly image: Image }[] = [
  {
    name: /(^|\/)gatewayd(:|$)/,
    image: {
      packages: ["conntrack", "iproute2", "iputils-ping", "libnftables1", "nftables", "procps"],
      needs: ["/usr/sbin/nft", "/usr/sbin/conntrack", "/usr/bin/ping", "/usr/bin/pkill"],
      entrypoint: ["sh", `${INSIDE}/containerlab/image/entrypoint.sh`],
    },
  },
  {
    name: /(^|\/)frr(:|$)/,
    image: {
      packages: ["frr"],
      needs: ["/usr/lib/frr/zebra", "/usr/lib/frr/bgpd", "/usr/bin/vtysh"],
      entrypoint: ["sh", "-ec", FRR, "frr"],
    },
  },
  {
    name: /(^|\/)bird2?(:|$)/,
    image: {
      packages: ["bird2"],
      needs: ["/usr/sbin/bird", "/usr/sbin/birdc"],
      entrypoint: ["sh", "-ec", BIRD, "bird"],
    },
  },
];

/** Undefined: nothing on this machine stands in for it. */
export function imageFor(name: string): Image | undefined {
  return IMAGES.find((row) => row.name.test(name))?.image;
}

/** The Debian packages that an image needs and this machine lacks; empty when it can run. */
export function missingPackages(image: Image): readonly string[] {
  return image.needs.every((path) => existsSync(path)) ? [] : image.packages;
}

/** The first seed: floating IPs, translated on the VM's host, and at the gateway. */

import { answered, shows } from "../proofs.ts";
import { type Chapter, SETTLE_MS, type Step } from "../step.ts";

interface Question {
  readonly id: string;
  readonly sentence: string;
  readonly from: string;
  readonly over?: "tcp" | "udp";
  readonly to: string;
  readonly who: RegExp;
  readonly saw: RegExp;
}

const ANYBODY = /./;

export function question({ id, sentence, from, over = "tcp", to, who, saw }: Question): Step {
  return {
    id,
    sentence,
    node: from,
    command: ["probe", "ask", over, to, "7000"],
    withinMs: SETTLE_MS,
    prove: answered(to, who, saw),
  };
}

export function pings(id: string, sentence: string, address: string): Step {
  return {
    id,
    sentence,
    node: "internet",
    command: ["ping", "-c", "3", "-i", "0.2", "-W", "1", address],
    withinMs: SETTLE_MS,
    prove: shows(new RegExp(`bytes from ${address}`), /3 received/),
  };
}

export const floatingAtHost: Chapter = {
  title: "A floating IP, at the host: 172.16.1.3 leads to vm-a, 10.65.0.13",
  steps: [
    {
      id: "host-routes",
      sentence: "vm-a's host routes both of its addresses to its interface",
      node: "host1",
      command: ["ip", "route"],
      withinMs: SETTLE_MS,
      prove: shows(
        /^172\.16\.1\.3 .*dev tap9a7e0868-da .*scope link/m,
        /^10\.65\.0\.13 .*dev tap9a7e0868-da .*scope link/m,
      ),
    },
    {
      id: "host-learned",
      sentence: "The other host has learned by BGP where vm-a is",
      node: "host2",
      command: ["ip", "route"],
      withinMs: SETTLE_MS,
      prove: shows(/^10\.65\.0\.13 .*via 192\.168\.8\.3 dev eth1 proto 86/m),
    },
    question({
      id: "floating-tcp",
      sentence: "From the internet, TCP to the floating IP reaches vm-a, which sees the true client",
      from: "internet",
      to: "172.16.1.3",
      who: /^vm-a$/,
      saw: /^198\.18\.0\.10$/,
    }),
    question({
      id: "floating-udp",
      sentence: "So does UDP, and the answer comes from the floating IP",
      from: "internet",
      over: "udp",
      to: "172.16.1.3",
      who: /^vm-a$/,
      saw: /^198\.18\.0\.10$/,
    }),
    pings("floating-ping", "So does ping", "172.16.1.3"),
    {
      id: "floating-ping-source",
      sentence: "vm-a saw the true client of the ping, too: it answered to it",
      node: "host1",
      command: ["conntrack", "-L", "-p", "icmp", "-d", "172.16.1.3"],
      withinMs: 0,
      prove: shows(/src=198\.18\.0\.10 dst=172\.16\.1\.3.* src=10\.65\.0\.13 dst=198\.18\.0\.10/),
    },
    question({
      id: "floating-egress",
      sentence: "What vm-a begins by itself leaves as the floating IP",
      from: "vm-a",
      to: "198.18.0.10",
      who: /^internet$/,
      saw: /^172\.16\.1\.3$/,
    }),
    question({
      id: "floating-self",
      sentence: "vm-a reaches its own floating IP, and sees itself as that",
      from: "vm-a",
      to: "172.16.1.3",
      who: /^vm-a$/,
      saw: /^172\.16\.1\.3$/,
    }),
    question({
      id: "floating-neighbour",
      sentence: "vm-b, on the other host, reaches it too",
      from: "vm-b",
      to: "172.16.1.3",
      who: /^vm-a$/,
      saw: ANYBODY,
    }),
    question({
      id: "floating-own-host",
      sentence: "And so does the host itself",
      from: "host1",
      to: "172.16.1.3",
      who: /^vm-a$/,
      saw: ANYBODY,
    }),
    {
      id: "metadata",
      sentence: "169.254.169.254 is the metadata service that the host's configuration names",
      node: "vm-a",
      command: ["probe", "get", "http://169.254.169.254/latest/meta-data"],
      withinMs: SETTLE_MS,
      prove: shows(/^200 .*"local-ipv4":"10\.65\.0\.13".*$/m),
    },
  ],
};

export const floatingAtGateway: Chapter = {
  title: "A floating IP, at the gateway: 172.16.1.4 leads to vm-b, 10.65.0.14",
  steps: [
    question({
      id: "gateway-tcp",
      sentence: "From the internet, TCP reaches vm-b, which sees the true client",
      from: "internet",
      to: "172.16.1.4",
      who: /^vm-b$/,
      saw: /^198\.18\.0\.10$/,
    }),
    question({
      id: "gateway-udp",
      sentence: "So does UDP",
      from: "internet",
      over: "udp",
      to: "172.16.1.4",
      who: /^vm-b$/,
      saw: /^198\.18\.0\.10$/,
    }),
    pings("gateway-ping", "So does ping", "172.16.1.4"),
    question({
      id: "gateway-self",
      sentence: "vm-b reaches its own floating IP, and sees itself as that",
      from: "vm-b",
      to: "172.16.1.4",
      who: /^vm-b$/,
      saw: /^172\.16\.1\.4$/,
    }),
    question({
      id: "gateway-neighbour",
      sentence: "vm-a reaches it",
      from: "vm-a",
      to: "172.16.1.4",
      who: /^vm-b$/,
      saw: ANYBODY,
    }),
    question({
      id: "gateway-itself",
      sentence: "And so does the gateway itself",
      from: "gw",
      to: "172.16.1.4",
      who: /^vm-b$/,
      saw: ANYBODY,
    }),
  ],
};

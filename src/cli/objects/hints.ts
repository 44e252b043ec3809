/** Errors of the Networking API as gwctl's: its own words, an exit status, and what to do about it. */

import { EXIT, Failure } from "../io.ts";

interface NeutronFault {
  readonly type: string;
  readonly message: string;
}

export function neutronFaultOf(json: unknown): NeutronFault | undefined {
  const fault = (json as { readonly NeutronError?: Partial<NeutronFault> } | undefined | null)?.NeutronError;
  if (typeof fault?.message !== "string") return undefined;
  return { type: String(fault.type), message: fault.message };
}

export function failureOf({ type, message }: NeutronFault, status: number): Failure {
  return new Failure(status === 404 ? EXIT.notFound : EXIT.error, message, HINTS[type] ?? BY_STATUS[status]);
}

export const strangerFailure = (message: string): Failure =>
  new Failure(
    EXIT.error,
    message,
    "say who asks: --os-username NAME --os-project-name PROJECT and the password in OS_PASSWORD, or a token in OS_TOKEN",
  );

const BY_STATUS: Readonly<Record<number, string>> = {
  403: "this takes another role; over the unix socket everything is allowed",
};

/** By Neutron's name of the error: the command that helps. */
const HINTS: Readonly<Record<string, string>> = {
  BgpConfiguredByFile: "gateway.yaml says it; kill -HUP has gatewayd read it again",
  ExternalGatewayForFloatingIPNotFound:
    "a router has to join the two: gwctl router set --external-gateway NETWORK ROUTER, gwctl router add subnet ROUTER SUBNET",
  ExternalIpAddressExhausted: "gwctl subnet set --allocation-pool start=A,end=B SUBNET adds addresses",
  FipAssociated: "gwctl floatingip unset --port FLOATINGIP ends that",
  FloatingIPPortAlreadyAssociated:
    "gwctl floatingip list --port PORT shows which; --fixed-ip-address chooses another",
  GatewayIpInUse: "gwctl router remove subnet ROUTER SUBNET frees it",
  InsufficientStorage: "gwctl store show tells where the store is: make room there",
  IpAddressAlreadyAllocated: "gwctl port list --fixed-ip ip-address=ADDRESS shows who has it",
  IpAddressGenerationFailure: "gwctl subnet set --allocation-pool start=A,end=B SUBNET adds addresses",
  MacAddressInUse: "gwctl port list --mac-address MAC shows who has it",
  NetworkInUse: "gwctl port list --network NETWORK shows them",
  OverQuota: "gwctl quota show tells the limits, gwctl quota set changes them",
  PortInUse: "gwctl port show PORT tells what it belongs to",
  RevisionNumberConstraintFailed: "somebody else changed it meanwhile: look at it, and try again",
  RouterExternalGatewayInUseByFloatingIp: "gwctl floatingip list --router ROUTER shows them",
  RouterInUse: "gwctl router remove subnet ROUTER SUBNET takes them off",
  RouterInterfaceInUseByFloatingIP: "gwctl floatingip list --router ROUTER shows them",
  SecurityGroupInUse: "gwctl port list --security-group GROUP shows by which ports",
  ServicePortInUse:
    "it goes with its router or floating IP: gwctl router remove subnet, gwctl router unset --external-gateway, gwctl floatingip delete",
  ServiceUnavailable: "gwctl show status tells how the gateway is",
  SubnetInUse: "gwctl port list --fixed-ip subnet=SUBNET shows them",
};

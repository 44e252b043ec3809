/** What of the API there is, by the aliases that clients look for. */

import type { View } from "./members.ts";

const EXTENSIONS: Readonly<Record<string, string>> = {
  "address-scope": "Address scope",
  "allowed-address-pairs": "Allowed Address Pairs",
  bgp: "Neutron BGP Dynamic Routing Extension",
  binding: "Port Binding",
  "default-subnetpools": "Default Subnetpools",
  dvr: "Distributed Virtual Router",
  "expose-port-forwarding-in-fip": "Expose Port Forwarding in FIP",
  "ext-gw-mode": "Neutron L3 Configurable external gateway mode",
  "external-net": "Neutron external network",
  extra_dhcp_opt: "Neutron Extra DHCP options",
  extraroute: "Neutron Extra Route",
  "extraroute-atomic": "Atomically add/remove extra routes",
  "filter-validation": "Filter parameters validation",
  "fip-port-details": "Floating IP Port Details Extension",
  "floating-ip-port-forwarding": "Floating IP Port Forwarding",
  "floating-ip-port-forwarding-description": "Floating IP Port Forwarding Description",
  "floating-ip-port-forwarding-port-ranges": "Floating IP Port Forwarding Port Ranges",
  "ip-substring-filtering": "IP address substring filtering",
  "net-mtu": "Network MTU",
  "network-ip-availability": "Network IP Availability",
  pagination: "Pagination support",
  "port-security": "Port Security",
  "project-id": "project_id field enabled",
  "quota-check-limit": "Quota engine limit check",
  quota_details: "Quota details management support",
  quotas: "Quota management support",
  "revision-if-match": "If-Match constraints based on revision_number",
  router: "Neutron L3 Router",
  "security-group": "security-group",
  sorting: "Sorting support",
  "standard-attr-description": "standard-attr-description",
  "standard-attr-revisions": "Resource revision numbers",
  "standard-attr-tag": "Tag support for resources with standard attribute",
  "standard-attr-timestamp": "Resource timestamps",
  subnet_onboard: "Subnet Onboard",
  "subnetpool-prefix-ops": "Subnet Pool Prefix Operations",
  subnet_allocation: "Subnet Allocation",
};

const viewOf = (alias: string): View => ({
  alias,
  name: EXTENSIONS[alias],
  description: EXTENSIONS[alias],
  updated: "2013-01-01T00:00:00-00:00",
  links: [],
});

export const listExtensions = (): readonly View[] => Object.keys(EXTENSIONS).map(viewOf);

export const findExtension = (alias: string): View | undefined =>
  Object.hasOwn(EXTENSIONS, alias) ? viewOf(alias) : undefined;

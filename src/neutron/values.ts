/**
 * What one attribute of a request may hold: each reader takes what JSON gave and gives the stored value, or refuses it
 * in upstream's words. Clients send booleans and numbers as text too ("True", "4").
 */

import { formatted, subnetSpelling } from "./addresses.ts";
import { type Fault, invalidAttribute, invalidInput } from "./fault.ts";
import type { AddressPair, AllocationPool, DhcpOption, HostRoute } from "./objects.ts";

/** @throws Fault */
export type Read<T> = (value: unknown, name: string) => T;

/** Longer lists and texts are nobody's wish. */
const TEXT_MAX = 255;
const LIST_MAX = 256;
const SHOWN_MAX = 80;

/** As Python shows a value in an error, cut so that nobody gets megabytes back. */
export function shown(value: unknown): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

const refuse = (name: string, value: unknown, what: string): Fault =>
  invalidAttribute(name, `'${shown(value)}' ${what}`);

const TRUE = new Set(["1", "t", "true", "on", "y", "yes"]);
const FALSE = new Set(["0", "f", "false", "off", "n", "no"]);

/** oslo's strict bool_from_string; undefined when it is neither. */
export function booleanOf(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  const text = typeof value === "string" || typeof value === "number" ? String(value).toLowerCase() : "";
  return TRUE.has(text) ? true : FALSE.has(text) ? false : undefined;
}

export const flag: Read<boolean> = (value) => {
  const read = booleanOf(value);
  if (read === undefined) throw invalidInput(`'${shown(value)}' cannot be converted to boolean`);
  return read;
};

export const textOf =
  (most: number = TEXT_MAX): Read<string> =>
  (value, name) => {
    if (typeof value !== "string") throw refuse(name, value, "is not a valid string");
    if (value.length > most) throw refuse(name, value, `exceeds maximum length of ${most}`);
    return value;
  };

export const text: Read<string> = textOf();

/** Clients clear a text by sending null. */
export const textOrNull: Read<string> = (value, name) => (value === null ? "" : text(value, name));

const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

export const uuid: Read<string> = (value, name) => {
  if (typeof value !== "string" || !UUID.test(value)) throw refuse(name, value, "is not a valid UUID");
  return value;
};

export const orNull =
  <T>(read: Read<T>): Read<T | null> =>
  (value, name) =>
    value === null ? null : read(value, name);

export const integer =
  (least: number, most: number): Read<number> =>
  (value, name) => {
    const isWhole = typeof value === "string" ? /^-?\d{1,15}$/.test(value) : Number.isSafeInteger(value);
    if (!isWhole) throw invalidInput(`'${shown(value)}' is not an integer`);
    const number = Number(value);
    if (number < least) throw refuse(name, value, `is too small - must be at least '${least}'`);
    if (number > most) throw refuse(name, value, `is too large - must be no larger than '${most}'`);
    return number;
  };

/** "80" and "80:89", stored as "80:80" and "80:89". */
export const portRange: Read<string> = (value, name) => {
  const [, from, to = from] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(String(value)) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (!(first >= 1 && first <= last && last <= 65_535))
    throw refuse(name, value, "is not a valid port range");
  return `${first}:${last}`;
};

export const oneOf =
  <const T extends string | number>(values: readonly T[]): Read<T> =>
  (value, name) => {
    const found = values.find((one) => String(one) === String(value));
    if (found === undefined) {
      const list = values.map((one) => (typeof one === "string" ? `'${one}'` : String(one))).join(", ");
      throw refuse(name, value, `is not in [${list}]`);
    }
    return found;
  };

export const address: Read<string> = (value, name) => {
  const read = typeof value === "string" ? formatted(value) : undefined;
  if (read === undefined) throw refuse(name, value, "is not a valid IP address");
  return read;
};

/** Host bits are taken away, as upstream does. */
export const subnetText: Read<string> = (value, name) => {
  const read = typeof value === "string" ? subnetSpelling(value) : undefined;
  if (read === undefined) throw refuse(name, value, "is not a valid IP subnet");
  return read;
};

/** EUI-48 in any of its usual spellings, stored as 00:16:3e:01:02:03. Group addresses are nobody's own. */
export const mac: Read<string> = (value, name) => {
  const digits =
    typeof value === "string" && /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(value)
      ? value.toLowerCase().split(/[:-]/u)
      : undefined;
  if (digits === undefined || digits.every((octet) => octet === "00")) {
    throw refuse(name, value, "is not a valid MAC address");
  }
  return digits.join(":");
};

export const list =
  <T>(read: Read<T>): Read<readonly T[]> =>
  (value, name) => {
    if (value === null) return [];
    if (!Array.isArray(value)) throw refuse(name, value, "is not a list");
    if (value.length > LIST_MAX) throw invalidAttribute(name, `more than ${LIST_MAX} items`);
    return value.map((item) => read(item, name));
  };

type Members<T> = { readonly [K in keyof T]: Read<T[K]> };

/** An object of exactly these members; `what` names it in errors. */
const members =
  <T extends object>(what: string, readers: Members<T>, optional: readonly (keyof T)[] = []): Read<T> =>
  (value, name) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw invalidAttribute(name, `Invalid data format for ${what}: '${shown(value)}'`);
    }
    const given = value as Readonly<Record<string, unknown>>;
    const known = Object.keys(readers) as (keyof T & string)[];
    const isWhole = known.every((key) => optional.includes(key) || Object.hasOwn(given, key));
    if (!isWhole || Object.keys(given).some((key) => !Object.hasOwn(readers, key))) {
      throw invalidAttribute(name, `Invalid data format for ${what}: '${shown(value)}'`);
    }
    const read = known
      .filter((key) => Object.hasOwn(given, key))
      .map((key) => [key, readers[key](given[key], name)]);
    return Object.fromEntries(read) as T;
  };

export interface FixedIpRequest {
  readonly subnet_id?: string;
  readonly ip_address?: string;
}

const fixedIpRequest: Read<FixedIpRequest> = members<{ subnet_id: string; ip_address: string }>(
  "fixed IP",
  { subnet_id: uuid, ip_address: address },
  ["subnet_id", "ip_address"],
);

export const fixedIps: Read<readonly FixedIpRequest[]> = (value, name) => {
  const read = list(fixedIpRequest)(value, name);
  const addresses = read.flatMap(({ ip_address }) => (ip_address === undefined ? [] : [ip_address]));
  const twice = addresses.find((one, i) => addresses.indexOf(one) !== i);
  if (twice !== undefined) throw invalidAttribute(name, `Duplicate IP address '${twice}'`);
  return read;
};

export const allocationPool: Read<AllocationPool> = members("IP pool", { start: address, end: address });

export const hostRoute: Read<HostRoute> = members("hostroute", { destination: subnetText, nexthop: address });

/** The MAC is the port's own when it is not given; the caller fills it in. */
export const addressPair: Read<Omit<AddressPair, "mac_address"> & { readonly mac_address?: string }> =
  members<AddressPair>(
    "address pair",
    {
      ip_address: (value, name) =>
        typeof value === "string" && value.includes("/") ? subnetText(value, name) : address(value, name),
      mac_address: mac,
    },
    ["mac_address"],
  );

/** As asked for: without a value it is to go. */
export type DhcpOptionRequest = Omit<DhcpOption, "opt_value"> & { readonly opt_value: string | null };

/** What these two say to nobody may be empty: an instance is told of no router. */
const BLANK_OPTIONS: ReadonlySet<string> = new Set(["router", "classless-static-route"]);
const OPTION_NAME_MAX = 64;

const oneLine =
  (most: number): Read<string> =>
  (value, name) => {
    const read = textOf(most)(value, name);
    if (/[\r\n]/.test(read)) throw refuse(name, value, "contains line breaks");
    return read;
  };

export const dhcpOption: Read<DhcpOptionRequest> = (value, name) => {
  const read: Omit<DhcpOptionRequest, "ip_version"> = members<DhcpOptionRequest>(
    "extra DHCP option",
    { opt_name: oneLine(OPTION_NAME_MAX), opt_value: orNull(oneLine(TEXT_MAX)), ip_version: oneOf([4, 6]) },
    ["ip_version"],
  )(value, name);
  const { opt_name, opt_value } = read;
  if (opt_name.trim() === "" || (opt_value?.trim() === "" && !BLANK_OPTIONS.has(opt_name)))
    throw invalidAttribute(name, `Invalid data format for extra DHCP option: '${shown(value)}'`);
  return { ip_version: 4, ...read };
};

export const nameserver: Read<string> = (value, name) => {
  const read = typeof value === "string" ? formatted(value) : undefined;
  if (read === undefined) throw refuse(name, value, "is not a valid nameserver");
  return read;
};

/** Something that we keep and give back, and look at no further. */
export const anything: Read<object> = (value, name) => {
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw refuse(name, value, "is not a dictionary");
  return value;
};

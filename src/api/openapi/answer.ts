/** Schemas of answers, held to the types that they are of: a member that only one of the two has does not compile. */

import { z } from "zod";

type OptionalKey<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T];

type Members<T, K extends keyof T> = { readonly [Key in K]-?: z.ZodType<Exclude<T[Key], undefined>> };

/** @param always - members that are always there; @param sometimes - those that may be absent */
export function answer<T extends object>(
  always: Members<T, Exclude<keyof T, OptionalKey<T>>>,
  ...[sometimes]: OptionalKey<T> extends never ? [] : [Members<T, OptionalKey<T>>]
): z.ZodType<T> {
  const optional = Object.entries<z.ZodType>(sometimes ?? {}).map(([name, type]) => [
    name,
    z.exactOptional(type),
  ]);
  return z.strictObject({ ...always, ...Object.fromEntries(optional) }) as unknown as z.ZodType<T>;
}

export const text: z.ZodType<string> = z.string();
export const flag: z.ZodType<boolean> = z.boolean();
export const count: z.ZodType<number> = z.int().min(0);
/** May be a fraction. */
export const seconds: z.ZodType<number> = z.number().min(0);
export const list = <T>(of: z.ZodType<T>): z.ZodType<readonly T[]> => z.array(of);
export const counts: z.ZodType<Readonly<Record<string, number>>> = z.record(z.string(), count);
export const oneOf = <const V extends readonly string[]>(values: V): z.ZodType<V[number]> => z.enum(values);
/** ISO 8601. */
export const time: z.ZodType<string> = z.iso.datetime();
export const texts: z.ZodType<readonly string[]> = list(text);

/** How much a configuration file may ask of the one who reads it. Each has its line in docs/LIMITS.md. */

/** UTF-8 octets of the file. */
export const FILE_OCTETS: number = 16 * 1024 * 1024;

/** YAML tokens; some 80 000 floating IPs. A token costs up to 200 octets while the file is read. */
export const FILE_TOKENS = 2_000_000;

/** Lists and mappings inside each other; a whole file of ours has 7. The YAML composer recurses. */
export const FILE_DEPTH = 32;

/** Aliases (`*name`), and copies that they may make of one anchor. */
export const FILE_ALIASES = 1000;

/** Errors and warnings that are told of one file, each. */
export const FINDINGS = 100;

/** Of more mistakes than these, the rest is not even looked at: finding a place costs the lists on the way to it. */
export const MISTAKES = 300;

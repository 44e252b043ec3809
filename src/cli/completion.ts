/**
 * Completion scripts, written from the command tree: words and options are in the script, so that a TAB costs nothing;
 * what there is to be named, peers and objects, is asked of gatewayd through `gwctl __complete`.
 */

import type { Command, Option } from "commander";
import { RESOURCE_ROWS } from "./objects/resources.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** One command as a shell needs it. */
interface Node {
  /** Full names of all commands down to it. */
  readonly path: string;
  /** Of itself and of what it is in, aliases too; not of the program. */
  readonly names: readonly (readonly string[])[];
  readonly commands: readonly { readonly names: readonly string[]; readonly about: string }[];
  readonly choices: readonly string[];
  /** What its arguments name, one after the other; "" for words of one's own. The last one goes on. */
  readonly live: readonly string[];
  readonly options: readonly OptionWord[];
}

interface OptionWord {
  readonly names: readonly string[];
  readonly about: string;
  readonly takes: "nothing" | "value" | "path" | { readonly live: string } | readonly string[];
}

/** What gatewayd is asked for, by what an argument or the value of an option is called. */
export const LIVE: ReadonlyMap<string, string> = new Map([
  ["address", "peers"],
  ...RESOURCE_ROWS.filter(({ names }) => names.length > 0).map(
    ({ argument, path }) => [argument, path] as const,
  ),
]);

export function completionScript(program: Command, shell: Shell): string {
  const nodes = nodesOf(program, [], []);
  return { bash, zsh, fish }[shell](nodes);
}

function nodesOf(command: Command, names: Node["names"], inherited: readonly OptionWord[]): Node[] {
  const help = command.createHelp();
  const options = [...inherited, ...command.options.filter(({ hidden }) => !hidden).map(wordOf)];
  const children = help.visibleCommands(command).filter((child) => child.name() !== "help");
  const [argument] = command.registeredArguments;
  const node: Node = {
    path: ["gwctl", ...names.map(([name]) => name)].join(" "),
    names,
    commands: children.map((child) => ({
      names: namesOf(child),
      about: help.subcommandDescription(child),
    })),
    choices: argument?.argChoices ?? [],
    live: command.registeredArguments.map((one) => LIVE.get(one.name()) ?? ""),
    options: [...options, { names: ["--help", "-h"], about: "display help for command", takes: "nothing" }],
  };
  return [node, ...children.flatMap((child) => nodesOf(child, [...names, namesOf(child)], options))];
}

const namesOf = (command: Command): string[] => [command.name(), ...command.aliases()];

function wordOf(option: Option): OptionWord {
  const names = [option.long, option.short].filter((name) => name !== undefined);
  return { names, about: option.description, takes: takesOf(option) };
}

function takesOf(option: Option): OptionWord["takes"] {
  if (!option.required) return "nothing";
  if (option.argChoices !== undefined) return option.argChoices;
  const value = /<(.+)>/.exec(option.flags)?.[1] ?? "";
  if (value === "path") return "path";
  const live = LIVE.get(value);
  return live === undefined ? "value" : { live };
}

/** An option, and the shell patterns of "COMMAND OPTION" that mean it. */
interface Pattern {
  readonly pattern: string;
  readonly takes: OptionWord["takes"];
}

/** Most options mean the same wherever they are; of the others, each command's stands by itself. */
function patternsOf(nodes: readonly Node[]): readonly Pattern[] {
  const uses = nodes.flatMap(({ path, options }) =>
    options.flatMap(({ names, takes }) => names.map((name) => ({ path, name, takes }))),
  );
  return [...new Set(uses.map(({ name }) => name))].flatMap((name) => {
    const own = uses.filter((use) => use.name === name);
    const meanings = new Set(own.map(({ takes }) => JSON.stringify(takes)));
    if (meanings.size === 1) return [{ pattern: `*" ${name}"`, takes: own[0]!.takes }];
    return own.map(({ path, takes }) => ({ pattern: `"${path} ${name}"`, takes }));
  });
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Cases that bash and zsh share: from one command to the next, and what to offer where. */
function casesOf(nodes: readonly Node[]): { eating: string; steps: string; words: string } {
  const eating = patternsOf(nodes).flatMap(({ pattern, takes }) => (takes === "nothing" ? [] : pattern));
  const steps = nodes.flatMap(({ path, commands }) =>
    commands.map(({ names }) => {
      const from = names.map((name) => `"${path} ${name}"`).join("|");
      return `      ${from}) at="${path} ${names[0]}" ;;`;
    }),
  );
  const words = nodes.map((node) => {
    const { commands, choices, options, live, path } = node;
    const plain = [...commands.map(({ names }) => names[0]), ...choices].join(" ");
    const dashed = options.flatMap(({ names }) => names.filter((name) => name.startsWith("--"))).join(" ");
    return `    "${path}") offered=(${plain}) options=(${dashed}) live=(${live.map((one) => `'${one}'`).join(" ")}) ;;`;
  });
  return { eating: eating.join("|"), steps: steps.join("\n"), words: words.join("\n") };
}

const asked = (what: string): string => `$(gwctl "\${to[@]}" __complete ${what} 2>/dev/null)`;

/** What the argument under the cursor names. */
const NAMED = `"\${live[given]}"`;

function bash(nodes: readonly Node[]): string {
  const { eating, steps, words } = casesOf(nodes);
  return `# completion for gwctl, by: gwctl completion bash
_gwctl() {
  local line=\${COMP_LINE:0:COMP_POINT} at=gwctl word prev= cur=
  local -a typed to=() offered=() options=() live=()
  local -i given=0
  # By hand, since bash cuts IPv6 addresses at their colons.
  read -ra typed <<< "$line"
  [[ $line == *[[:space:]] ]] || { cur=\${typed[\${#typed[@]}-1]}; unset "typed[\${#typed[@]}-1]"; }
  for word in "\${typed[@]:1}"; do
    case $prev in
      --socket|--url|--os-cacert) to+=("$prev" "$word") ;;
    esac
    case "$at $prev" in
      ${eating}) prev=; continue ;;
    esac
    prev=$word
    case "$at $word" in
${steps}
      "$at "-*) ;;
      *) given+=1 ;;
    esac
  done
  case "$at $prev" in
${patternsOf(nodes).flatMap(bashValue).join("\n")}
  esac
  case $at in
${words}
  esac
  [[ $cur != -* ]] || offered=("\${options[@]}") live=()
  (( given < \${#live[@]} )) || given=\${#live[@]}-1
  (( given < 0 )) || [[ -z \${live[given]} ]] || offered+=(${asked(NAMED)})
  _gwctl_offer
}
_gwctl_offer() {
  COMPREPLY=($(compgen -W "\${offered[*]}" -- "$cur"))
  # What stands before the last colon is no part of the word that bash replaces.
  [[ $cur != *:* || $COMP_WORDBREAKS != *:* ]] || COMPREPLY=("\${COMPREPLY[@]#"\${cur%"\${cur##*:}"}"}")
}
complete -F _gwctl gwctl
`;
}

/** What may follow an option that takes a value. */
function bashValue({ pattern, takes }: Pattern): string[] {
  if (takes === "nothing") return [];
  return [`    ${pattern}) ${bashOffer(takes)}; return ;;`];
}

function bashOffer(takes: OptionWord["takes"]): string {
  if (takes === "path") return 'COMPREPLY=($(compgen -f -- "$cur"))';
  if (typeof takes === "string") return "COMPREPLY=()";
  return `offered=(${"live" in takes ? asked(takes.live) : takes.join(" ")}); _gwctl_offer`;
}

function zsh(nodes: readonly Node[]): string {
  const { eating, steps, words } = casesOf(nodes);
  return `#compdef gwctl
# completion for gwctl, by: gwctl completion zsh
_gwctl() {
  local at=gwctl word prev=
  local -a to offered options live
  local -i given=1
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case $prev in
      --socket|--url|--os-cacert) to+=("$prev" "$word") ;;
    esac
    case "$at $prev" in
      ${eating}) prev=; continue ;;
    esac
    prev=$word
    case "$at $word" in
${steps}
      "$at "-*) ;;
      *) given+=1 ;;
    esac
  done
  case "$at $prev" in
${patternsOf(nodes).flatMap(zshValue).join("\n")}
  esac
  case $at in
${words}
  esac
  if [[ $PREFIX == -* ]]; then offered=("\${options[@]}"); live=(); fi
  if (( given > $#live )); then given=$#live; fi
  if [[ -n \${live[given]} ]]; then offered+=(\${(f)"${asked(NAMED)}"}); fi
  compadd -- "\${offered[@]}"
}
if [[ $funcstack[1] == _gwctl ]]; then _gwctl "$@"; else compdef _gwctl gwctl; fi
`;
}

function zshValue({ pattern, takes }: Pattern): string[] {
  if (takes === "nothing") return [];
  return [`    ${pattern}) ${zshOffer(takes)}; return ;;`];
}

function zshOffer(takes: OptionWord["takes"]): string {
  if (takes === "path") return "_files";
  if (typeof takes === "string") return "_message value";
  return `compadd -- ${"live" in takes ? `\${(f)"${asked(takes.live)}"}` : takes.join(" ")}`;
}

function fish(nodes: readonly Node[]): string {
  const [root] = nodes;
  const lines = nodes.flatMap((node) => {
    const condition = fishCondition(node);
    return [
      ...node.commands.map(
        ({ names, about }) => `complete -c gwctl ${condition} -a ${names[0]} -d ${quoted(about)}`,
      ),
      ...node.choices.map((choice) => `complete -c gwctl ${condition} -a ${choice}`),
      ...[...new Set(node.live)]
        .filter((one) => one !== "")
        .map((one) => `complete -c gwctl ${condition} -a '(gwctl __complete ${one} 2>/dev/null)'`),
      ...node.options
        .filter((option) => node === root || !root?.options.some(({ names }) => names[0] === option.names[0]))
        .map((option) => `complete -c gwctl ${node === root ? "" : condition} ${fishOption(option)}`),
    ];
  });
  return `# completion for gwctl, by: gwctl completion\ncomplete -c gwctl -f\n${lines.join("\n")}\n`;
}

/** True where the words of this command may follow: behind it, and before any command of its own. */
function fishCondition(node: Node): string {
  const seen = node.names.map((names) => `__fish_seen_subcommand_from ${names.join(" ")}`);
  const own = node.commands.flatMap(({ names }) => names);
  const unseen = own.length === 0 ? [] : [`not __fish_seen_subcommand_from ${own.join(" ")}`];
  return `-n '${[...seen, ...unseen].join("; and ")}'`;
}

function fishOption({ names, about, takes }: OptionWord): string {
  const [long = "", short] = names;
  const flags = `-l ${long.slice(2)}${short === undefined ? "" : ` -s ${short.slice(1)}`} -d ${quoted(about)}`;
  if (takes === "nothing") return flags;
  if (takes === "value") return `${flags} -x`;
  if (takes === "path") return `${flags} -r -F`;
  return "live" in takes
    ? `${flags} -x -a '(gwctl __complete ${takes.live} 2>/dev/null)'`
    : `${flags} -x -a ${quoted(takes.join(" "))}`;
}

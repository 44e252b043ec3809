/**
 * Completion scripts, written from the command tree: words and options are in the script, so that a TAB costs nothing;
 * peer addresses are asked of gatewayd through `gwctl __complete`.
 */

import type { Command, Option } from "commander";

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
  /** Its argument is a peer. */
  readonly peers: boolean;
  readonly options: readonly OptionWord[];
}

interface OptionWord {
  readonly names: readonly string[];
  readonly about: string;
  readonly takes: "nothing" | "value" | "path" | "peer" | readonly string[];
}

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
    peers: argument?.name() === "address",
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
  if (option.flags.includes("<path>")) return "path";
  return option.flags.includes("<address>") ? "peer" : "value";
}

const allOptions = (nodes: readonly Node[]): readonly OptionWord[] => {
  const byName = new Map(nodes.flatMap(({ options }) => options.map((option) => [option.names[0], option])));
  return [...byName.values()];
};

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Cases that bash and zsh share: from one command to the next, and what to offer where. */
function casesOf(nodes: readonly Node[]): { eating: string; steps: string; words: string } {
  const eating = allOptions(nodes).flatMap(({ names, takes }) => (takes === "nothing" ? [] : names));
  const steps = nodes.flatMap(({ path, commands }) =>
    commands.map(({ names }) => {
      const from = names.map((name) => `"${path} ${name}"`).join("|");
      return `      ${from}) at="${path} ${names[0]}" ;;`;
    }),
  );
  const words = nodes.map((node) => {
    const { commands, choices, options, peers, path } = node;
    const plain = [...commands.map(({ names }) => names[0]), ...choices].join(" ");
    const dashed = options.flatMap(({ names }) => names.filter((name) => name.startsWith("--"))).join(" ");
    return `    "${path}") offered=(${plain}) options=(${dashed}) live=${peers ? "1" : ""} ;;`;
  });
  return { eating: eating.join("|"), steps: steps.join("\n"), words: words.join("\n") };
}

const LIVE_PEERS = `$(gwctl "\${to[@]}" __complete peers 2>/dev/null)`;

function bash(nodes: readonly Node[]): string {
  const { eating, steps, words } = casesOf(nodes);
  return `# completion for gwctl, by: gwctl completion bash
_gwctl() {
  local line=\${COMP_LINE:0:COMP_POINT} at=gwctl live= word prev= cur=
  local -a typed to=() offered=() options=()
  # By hand, since bash cuts IPv6 addresses at their colons.
  read -ra typed <<< "$line"
  [[ $line == *[[:space:]] ]] || { cur=\${typed[\${#typed[@]}-1]}; unset "typed[\${#typed[@]}-1]"; }
  for word in "\${typed[@]:1}"; do
    case $prev in
      --socket|--url) to+=("$prev" "$word") ;;
    esac
    case $prev in
      ${eating}) prev=; continue ;;
    esac
    prev=$word
    case "$at $word" in
${steps}
    esac
  done
  case $prev in
${allOptions(nodes).flatMap(bashValue).join("\n")}
  esac
  case $at in
${words}
  esac
  [[ $cur != -* ]] || offered=("\${options[@]}") live=
  [[ -z $live ]] || offered+=(${LIVE_PEERS})
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
function bashValue({ names, takes }: OptionWord): string[] {
  if (takes === "nothing") return [];
  const offered: Readonly<Record<string, string>> = {
    value: "COMPREPLY=()",
    path: 'COMPREPLY=($(compgen -f -- "$cur"))',
    peer: `offered=(${LIVE_PEERS}); _gwctl_offer`,
  };
  const offer = typeof takes === "string" ? offered[takes] : `offered=(${takes.join(" ")}); _gwctl_offer`;
  return [`    ${names.join("|")}) ${offer}; return ;;`];
}

function zsh(nodes: readonly Node[]): string {
  const { eating, steps, words } = casesOf(nodes);
  return `#compdef gwctl
# completion for gwctl, by: gwctl completion zsh
_gwctl() {
  local at=gwctl live= word prev=
  local -a to offered options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case $prev in
      --socket|--url) to+=("$prev" "$word") ;;
    esac
    case $prev in
      ${eating}) prev=; continue ;;
    esac
    prev=$word
    case "$at $word" in
${steps}
    esac
  done
  case $prev in
${allOptions(nodes).flatMap(zshValue).join("\n")}
  esac
  case $at in
${words}
  esac
  if [[ $PREFIX == -* ]]; then offered=("\${options[@]}"); live=; fi
  if [[ -n $live ]]; then offered+=(\${(f)"${LIVE_PEERS}"}); fi
  compadd -- "\${offered[@]}"
}
if [[ $funcstack[1] == _gwctl ]]; then _gwctl "$@"; else compdef _gwctl gwctl; fi
`;
}

function zshValue({ names, takes }: OptionWord): string[] {
  if (takes === "nothing") return [];
  const offered: Readonly<Record<string, string>> = {
    value: "_message value",
    path: "_files",
    peer: `compadd -- \${(f)"${LIVE_PEERS}"}`,
  };
  const offer = typeof takes === "string" ? offered[takes] : `compadd -- ${takes.join(" ")}`;
  return [`    ${names.join("|")}) ${offer}; return ;;`];
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
      ...(node.peers ? [`complete -c gwctl ${condition} -a '(gwctl __complete peers 2>/dev/null)'`] : []),
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
  return takes === "peer"
    ? `${flags} -x -a '(gwctl __complete peers 2>/dev/null)'`
    : `${flags} -x -a ${quoted(takes.join(" "))}`;
}

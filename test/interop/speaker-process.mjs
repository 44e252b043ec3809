/**
 * A speaker of ours in a process of its own, so that it can live in a network namespace and be killed. One JSON object
 * a line: commands in, `{ id, result }` and `{ event }` out. argv: the built library, the listening addresses, options.
 */
import { createInterface } from "node:readline";

const [library, listen, given] = process.argv.slice(2);
const bgp = await import(library);
const { formatAddress, formatPrefix, nodeWorld, parseAddress, parsePrefix, Speaker } = bgp;

const options = JSON.parse(given);
const world = nodeWorld();
const { clusterId, ...others } = options;
const speaker = new Speaker(
  {
    ...others,
    routerId: parseAddress(options.routerId),
    ...(clusterId === undefined ? {} : { clusterId: parseAddress(clusterId) }),
  },
  world,
);
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

speaker.onEvent(({ peer, cache, ...event }) =>
  say({ event: { peer: formatAddress(peer ?? cache.address), ...event } }),
);
speaker.onRoutes((changes) => {
  const gone = changes.filter(({ local, paths }) => !local && paths.length === 0);
  if (gone.length > 0)
    say({ event: { on: "routes-gone", prefixes: gone.map(({ prefix }) => formatPrefix(prefix)) } });
});

const policyOf = (policy) =>
  typeof policy === "object"
    ? {
        ...policy,
        rules: policy.rules.map(({ match, ...rule }) => ({
          ...rule,
          match: {
            ...match,
            prefixes: match.prefixes?.map(({ prefix, ...range }) => ({
              prefix: parsePrefix(prefix),
              ...range,
            })),
          },
        })),
      }
    : { rules: [], otherwise: policy };

const commands = {
  setPeers: (peers) =>
    speaker.setPeers(
      peers.map(({ remote, localAddress, importPolicy, exportPolicy, ...peer }) => ({
        ...peer,
        remote: remote.includes("/")
          ? { range: parsePrefix(remote), limit: 16 }
          : { address: parseAddress(remote) },
        ...(localAddress === undefined ? {} : { localAddress: parseAddress(localAddress) }),
        importPolicy: policyOf(importPolicy),
        exportPolicy: policyOf(exportPolicy),
      })),
    ),
  announce: (routes) =>
    speaker.announce(
      routes.map(({ prefix, ...route }) => ({ tag: 0, ...route, prefix: parsePrefix(prefix) })),
    ),
  withdraw: (prefixes) => speaker.withdraw(prefixes.map(parsePrefix)),
  complete: () => speaker.complete(),
  order: ([peer, order]) => speaker.order(parseAddress(peer), { do: order }),
  peers: () =>
    speaker
      .peers()
      .map(({ address, offendingMessages, ...peer }) => ({ ...peer, address: formatAddress(address) })),
  received: (peer) =>
    [...speaker.received(parseAddress(peer))].map(({ prefix, pathId, received, accepted, rule, stale }) => ({
      rule,
      pathId,
      ...(accepted && {
        after: {
          asPath: accepted.asPath.map(({ asns }) => asns.join(" ")).join(" "),
          med: accepted.med,
          onlyToCustomer: accepted.onlyToCustomer,
          localPref: accepted.localPref,
          communities: accepted.communities,
        },
      }),
      prefix: formatPrefix(prefix),
      accepted: accepted !== undefined,
      nextHop: formatAddress(received.nextHop),
      stale,
    })),
  stop: (how) => speaker.stop(how),
};

await world.listen({ addresses: listen.split(",").map(parseAddress), port: 179 });
say({ event: { on: "listening" } });
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, command, argument } = JSON.parse(line);
    say({ id, result: commands[command](argument) ?? null });
  })
  .on("close", () => process.exit(0));

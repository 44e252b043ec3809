import { describe, expect, test } from "vitest";
import { ADMIN, site } from "./testing/cloud.ts";

const isRouted = (address: string): boolean => address.startsWith("172.16.1.");
const routed = (address: string): string =>
  `${address} is of a network that this gateway routes and never translates`;

describe("what is routed is never translated, and who asks for that is told", () => {
  test("a floating IP of a public network", () => {
    const { cloud, public: floating_network_id } = site({ isRouted });
    expect(cloud.said("POST", "floatingips", { floatingip: { floating_network_id } })).toEqual({
      status: 400,
      type: "BadRequest",
      message: `Bad floatingip request: ${routed("172.16.1.3")}. A port with an address of it needs no floating IP.`,
    });
    expect([...cloud.tables.all("floatingips")]).toEqual([]);
  });

  test("a floating IP for a port of a public network", () => {
    const at = site({ isRouted: (address) => address.startsWith("10.65.") });
    const floatingip = { floating_network_id: at.public, port_id: at.port };
    expect(at.cloud.said("POST", "floatingips", { floatingip })).toMatchObject({
      status: 400,
      message: expect.stringContaining(routed(at.fixed)),
    });
  });

  test("a router's gateway there does not translate, and cannot be made to", () => {
    const { cloud, router, public: network_id } = site({ isRouted });
    const { body } = cloud.ask("GET", `routers/${router}`);
    expect(body["router"]).toMatchObject({ external_gateway_info: { network_id, enable_snat: false } });
    const put = { router: { external_gateway_info: { network_id, enable_snat: true } } };
    expect(cloud.said("PUT", `routers/${router}`, put, ADMIN)).toEqual({
      status: 400,
      type: "BadRequest",
      message: `Bad router request: ${routed("172.16.1.2")} to.`,
    });
  });
});

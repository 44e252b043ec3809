import { expect, test } from "vitest";
import { site } from "./testing/cloud.ts";

test.each<[string, object, number, string | undefined]>([
  ["less than there is", { router: 0 }, 200, undefined],
  ["less than there is, by force", { router: 0, force: true }, 200, undefined],
  [
    "less than there is, where that is looked at",
    { router: 0, check_limit: true },
    400,
    "Quota limit 0 for router must be greater than or equal to already used 1",
  ],
  ["as many as there are", { router: 1, check_limit: "True" }, 200, undefined],
  ["any number", { router: -1, check_limit: true }, 200, undefined],
  ["less, not looked at", { router: 0, check_limit: false }, 200, undefined],
  ["one of nothing", { rbac_policy: 10 }, 400, "Unrecognized attribute(s) 'rbac_policy'"],
])("a quota: %s", (_name, quota, status, message) => {
  const { cloud } = site();
  expect(cloud.said("PUT", "quotas/admin", { quota })).toEqual({
    status,
    ...(message !== undefined && { type: "HTTPBadRequest", message }),
  });
});

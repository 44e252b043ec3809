/**
 * The part of etcd's API that we speak: what etcd's rpc.proto and kv.proto say, as tables. Every number is a field's
 * number on the wire. 64-bit numbers are text on our side: lease ids are larger than a double holds exactly.
 */

import type { MethodDefinition as ClientMethod } from "@grpc/grpc-js";
import { fromJSON, type MethodDefinition } from "@grpc/proto-loader";

interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly mod_revision: string;
}

interface Header {
  readonly header: { readonly revision: string };
}

/** Without `range_end`: one key. */
export interface RangeRequest {
  readonly key: Buffer;
  readonly range_end?: Buffer;
  readonly limit?: number;
  /** 0: the latest. */
  readonly revision?: number;
}

export interface RangeResponse extends Header {
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
}

export interface TxnRequest {
  readonly compare: readonly {
    readonly target: "MOD";
    readonly key: Buffer;
    readonly mod_revision: number;
  }[];
  readonly success: readonly (
    | { readonly request_put: { readonly key: Buffer; readonly value: Buffer; readonly lease?: string } }
    | { readonly request_delete_range: { readonly key: Buffer } }
  )[];
}

export interface TxnResponse extends Header {
  readonly succeeded: boolean;
}

export type WatchRequest =
  | {
      readonly create_request: {
        readonly key: Buffer;
        readonly range_end: Buffer;
        readonly start_revision: number;
      };
    }
  /** Answered with the header alone, once everything before it was told. */
  | { readonly progress_request: Readonly<Record<string, never>> };

export interface WatchResponse extends Header {
  /** The first one. */
  readonly created: boolean;
  readonly canceled: boolean;
  /** Not 0: what was asked for is no longer known. */
  readonly compact_revision: string;
  readonly cancel_reason: string;
  readonly events: readonly { readonly type: "PUT" | "DELETE"; readonly kv: KeyValue }[];
}

export interface LeaseRequest {
  readonly ID: string;
}

export interface LeaseResponse {
  readonly ID: string;
  /** Seconds; 0 or less: it is gone. */
  readonly TTL: string;
}

interface AuthenticateRequest {
  readonly name: string;
  readonly password: string;
}

const bytes = (id: number): Field => ({ type: "bytes", id });
const int64 = (id: number): Field => ({ type: "int64", id });
const bool = (id: number): Field => ({ type: "bool", id });
const one = (type: string, id: number): Field => ({ type, id });
const many = (type: string, id: number): Field => ({ rule: "repeated", type, id });

interface Field {
  readonly type: string;
  readonly id: number;
  readonly rule?: "repeated";
}

const message = (fields: Record<string, Field>): { fields: Record<string, Field> } => ({ fields });

const messages = {
  ResponseHeader: message({ revision: int64(3) }),
  KeyValue: message({ key: bytes(1), mod_revision: int64(3), value: bytes(5) }),
  Event: message({ type: one("EventType", 1), kv: one("KeyValue", 2) }),
  EventType: { values: { PUT: 0, DELETE: 1 } },
  RangeRequest: message({ key: bytes(1), range_end: bytes(2), limit: int64(3), revision: int64(4) }),
  RangeResponse: message({ header: one("ResponseHeader", 1), kvs: many("KeyValue", 2), more: bool(3) }),
  PutRequest: message({ key: bytes(1), value: bytes(2), lease: int64(3) }),
  DeleteRangeRequest: message({ key: bytes(1) }),
  RequestOp: {
    oneofs: { request: { oneof: ["request_put", "request_delete_range"] } },
    ...message({ request_put: one("PutRequest", 2), request_delete_range: one("DeleteRangeRequest", 3) }),
  },
  Compare: {
    oneofs: { target_union: { oneof: ["mod_revision"] } },
    ...message({ target: one("CompareTarget", 2), key: bytes(3), mod_revision: int64(6) }),
  },
  CompareTarget: { values: { VERSION: 0, CREATE: 1, MOD: 2, VALUE: 3, LEASE: 4 } },
  TxnRequest: message({ compare: many("Compare", 1), success: many("RequestOp", 2) }),
  TxnResponse: message({ header: one("ResponseHeader", 1), succeeded: bool(2) }),
  WatchCreateRequest: message({ key: bytes(1), range_end: bytes(2), start_revision: int64(3) }),
  WatchProgressRequest: message({}),
  WatchRequest: {
    oneofs: { request_union: { oneof: ["create_request", "progress_request"] } },
    ...message({
      create_request: one("WatchCreateRequest", 1),
      progress_request: one("WatchProgressRequest", 3),
    }),
  },
  WatchResponse: message({
    header: one("ResponseHeader", 1),
    created: bool(3),
    canceled: bool(4),
    compact_revision: int64(5),
    cancel_reason: one("string", 6),
    events: many("Event", 11),
  }),
  LeaseGrantRequest: message({ TTL: int64(1) }),
  LeaseRequest: message({ ID: int64(1) }),
  LeaseResponse: message({ ID: int64(2), TTL: int64(3) }),
  AuthenticateRequest: message({ name: one("string", 1), password: one("string", 2) }),
  AuthenticateResponse: message({ token: one("string", 2) }),
};

const method = (
  requestType: string,
  responseType: string,
  stream = false,
): {
  requestType: string;
  responseType: string;
  requestStream: boolean;
  responseStream: boolean;
  comment: string;
} => ({
  comment: "",
  requestType,
  responseType,
  requestStream: stream,
  responseStream: stream,
});

const services = {
  KV: {
    methods: { Range: method("RangeRequest", "RangeResponse"), Txn: method("TxnRequest", "TxnResponse") },
  },
  Watch: { methods: { Watch: method("WatchRequest", "WatchResponse", true) } },
  Lease: {
    methods: {
      LeaseGrant: method("LeaseGrantRequest", "LeaseResponse"),
      LeaseRevoke: method("LeaseRequest", "LeaseResponse"),
      LeaseKeepAlive: method("LeaseRequest", "LeaseResponse", true),
    },
  },
  Auth: { methods: { Authenticate: method("AuthenticateRequest", "AuthenticateResponse") } },
};

const loaded = fromJSON(
  { nested: { etcdserverpb: { nested: { ...messages, ...services } } } },
  { keepCase: true, longs: String, enums: String, defaults: true },
);

/** How one call is written and read. */
export type Method<Request, Response> = Pick<
  ClientMethod<Request, Response>,
  "path" | "requestSerialize" | "responseDeserialize"
>;

function methodOf<Request, Response>(
  service: keyof typeof services,
  name: string,
): Method<Request, Response> {
  const found = (loaded[`etcdserverpb.${service}`] as Record<string, MethodDefinition<object, object>>)[
    name
  ]!;
  return {
    path: found.path,
    requestSerialize: found.requestSerialize as (request: Request) => Buffer,
    responseDeserialize: found.responseDeserialize as (octets: Buffer) => Response,
  };
}

export const range: Method<RangeRequest, RangeResponse> = methodOf("KV", "Range");
export const txn: Method<TxnRequest, TxnResponse> = methodOf("KV", "Txn");
export const watch: Method<WatchRequest, WatchResponse> = methodOf("Watch", "Watch");
export const leaseGrant: Method<{ readonly TTL: number }, LeaseResponse> = methodOf("Lease", "LeaseGrant");
export const leaseRevoke: Method<LeaseRequest, LeaseResponse> = methodOf("Lease", "LeaseRevoke");
export const leaseKeepAlive: Method<LeaseRequest, LeaseResponse> = methodOf("Lease", "LeaseKeepAlive");
export const authenticate: Method<AuthenticateRequest, { readonly token: string }> = methodOf(
  "Auth",
  "Authenticate",
);

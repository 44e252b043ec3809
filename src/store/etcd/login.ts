/** Who we are to an etcd that has users: a token for a password, until etcd has forgotten it. */

import type { ServiceError } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import { StoreError } from "../store.ts";

export interface EtcdLogin {
  readonly user: string;
  /** Asked for at every login, so that it can be another one by then. @throws the system's error */
  readonly password: () => string;
}

interface Credentials {
  readonly name: string;
  readonly password: string;
}

export class Login {
  readonly #login: EtcdLogin;
  /** All members know it. Whoever asks while it is on its way waits for the same one: etcd takes its time over each. */
  #token: Promise<string> | undefined;

  constructor(login: EtcdLogin) {
    this.#login = login;
  }

  /** @param ask - gives a token for a password; @throws StoreError */
  token(ask: (credentials: Credentials) => Promise<string>): Promise<string> {
    this.#token ??= this.#begin(ask);
    return this.#token;
  }

  /** The next request logs in again. */
  forget(): void {
    this.#token = undefined;
  }

  async #begin(ask: (credentials: Credentials) => Promise<string>): Promise<string> {
    try {
      return await ask({ name: this.#login.user, password: this.#password() });
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  #password(): string {
    try {
      return this.#login.password();
    } catch (error) {
      throw new StoreError("unavailable", `the password for etcd: ${(error as Error).message}`);
    }
  }
}

/** Whether etcd does not know a token, or no longer: after minutes of silence, or when its users changed. */
export function isTokenRefused(error: unknown): boolean {
  if (!(error instanceof StoreError)) return false;
  const { code, details = "" } = (error.cause ?? {}) as Partial<ServiceError>;
  return code === status.UNAUTHENTICATED || details.includes("revision of auth store is old");
}

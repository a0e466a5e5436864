import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyPack, anyUnpack, DurationSchema } from '@bufbuild/protobuf/wkt';
import { Metadata, type StatusObject } from '@grpc/grpc-js';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  RetryInfoSchema,
  type BadRequest,
  type ErrorInfo,
  type PreconditionFailure,
  type RetryInfo,
} from '../gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../gen/google/rpc/status_pb.ts';

const TRAILER = 'grpc-status-details-bin';
export const ERROR_DOMAIN = 'headroom';

/** Trailers share 8 KiB by default in several clients, in base64, with everything else that is sent there. */
const MAX_BYTES = 5000;

export interface RichStatus {
  /** gRPC status code. */
  readonly code: number;
  readonly message: string;
  /** Code of the error catalogue. */
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fieldViolations: readonly { readonly field: string; readonly description: string }[];
  readonly violations: readonly { readonly type: string; readonly subject: string; readonly description: string }[];
  /** null = no word on when to try again. */
  readonly retryAfterSeconds: number | null;
}

/** A status with google.rpc details; lists are shortened until it fits into trailers. */
export function richStatus(status: RichStatus): StatusObject {
  let bytes = encode(status);
  for (let keep = 32; bytes.length > MAX_BYTES && keep >= 1; keep = Math.floor(keep / 2)) {
    bytes = encode({
      ...status,
      message: status.message.slice(0, 500),
      fieldViolations: status.fieldViolations.slice(0, keep),
      violations: status.violations.slice(0, keep),
      metadata: keep > 8 ? status.metadata : {},
    });
  }
  const metadata = new Metadata();
  metadata.set(TRAILER, Buffer.from(bytes));
  return { code: status.code, details: status.message.slice(0, 500), metadata };
}

function encode(status: RichStatus): Uint8Array {
  const { reason, metadata, fieldViolations, violations, retryAfterSeconds } = status;
  const info = create(ErrorInfoSchema, { reason, domain: ERROR_DOMAIN, metadata: { ...metadata } });
  const details = [anyPack(ErrorInfoSchema, info)];
  if (fieldViolations.length > 0) {
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations: [...fieldViolations] })));
  }
  if (violations.length > 0) {
    const failure = create(PreconditionFailureSchema, { violations: [...violations] });
    details.push(anyPack(PreconditionFailureSchema, failure));
  }
  if (retryAfterSeconds !== null) {
    const retryDelay = create(DurationSchema, { seconds: BigInt(Math.ceil(retryAfterSeconds)) });
    details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })));
  }
  return toBinary(StatusSchema, create(StatusSchema, { code: status.code, message: status.message, details }));
}

/** The details of an error that a call ended with; each null where the server did not send it. */
export function readRichStatus(metadata: Metadata): {
  readonly info: ErrorInfo | null;
  readonly badRequest: BadRequest | null;
  readonly preconditionFailure: PreconditionFailure | null;
  readonly retryInfo: RetryInfo | null;
} {
  const bytes = metadata.get(TRAILER)[0];
  const details = bytes instanceof Buffer ? fromBinary(StatusSchema, bytes).details : [];
  const find = <T>(unpack: (each: (typeof details)[number]) => T | undefined): T | null =>
    details.map(unpack).find((each) => each !== undefined) ?? null;
  return {
    info: find((each) => anyUnpack(each, ErrorInfoSchema)),
    badRequest: find((each) => anyUnpack(each, BadRequestSchema)),
    preconditionFailure: find((each) => anyUnpack(each, PreconditionFailureSchema)),
    retryInfo: find((each) => anyUnpack(each, RetryInfoSchema)),
  };
}

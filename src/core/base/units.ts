/** Branded numbers: a unit is part of the type, so bits are never added to bytes. Construct with the function of the same name. */
declare const unit: unique symbol;
type Unit<N extends string> = number & { readonly [unit]: N };

/** Bits per second, integer, 0 … 2^53 − 1, except where a document says that +Infinity is allowed (peak rates). */
export type BitsPerSecond = Unit<'bit/s'>;
/** Bytes per second. On the RSVP wire an IEEE 754 single; +Infinity is allowed for peak rates (RFC 2210 3.1). */
export type BytesPerSecond = Unit<'byte/s'>;
/** A length or a bucket depth in bytes. */
export type Bytes = Unit<'byte'>;
/** A duration in milliseconds. */
export type Millis = Unit<'ms'>;
/** A duration in microseconds. */
export type Micros = Unit<'us'>;
/** A wall-clock instant: milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = Unit<'epoch ms'>;
/** An instant of a monotonic clock in milliseconds; only differences have a meaning. */
export type MonotonicMs = Unit<'monotonic ms'>;

export const BitsPerSecond = (n: number): BitsPerSecond => n as BitsPerSecond;
export const BytesPerSecond = (n: number): BytesPerSecond => n as BytesPerSecond;
export const Bytes = (n: number): Bytes => n as Bytes;
export const Millis = (n: number): Millis => n as Millis;
export const Micros = (n: number): Micros => n as Micros;
export const EpochMs = (n: number): EpochMs => n as EpochMs;
export const MonotonicMs = (n: number): MonotonicMs => n as MonotonicMs;

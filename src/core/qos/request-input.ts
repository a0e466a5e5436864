/** POST /v1/reservations as the caller wrote it; JSON types are right, nothing else is. */
export interface ReservationInput {
  readonly name?: string | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly flow: {
    readonly protocol: string;
    readonly source?: EndpointInput;
    readonly sources?: readonly EndpointInput[];
    readonly destination: EndpointInput;
  };
  readonly qos: {
    readonly serviceType: string;
    readonly tokenRateBitsPerSecond: number;
    readonly tokenBucketBytes?: number;
    readonly peakRateBitsPerSecond?: number | null;
    readonly minPolicedUnitBytes?: number;
    readonly maxPacketBytes?: number;
    readonly maxDelayMicros?: number | null;
    readonly slackMicros?: number;
  };
  readonly window?: { readonly start?: string | null; readonly end?: string | null };
  readonly constraints?: { readonly allowUnpinned?: boolean };
  readonly signaling?: { readonly style?: string };
}

export interface EndpointInput {
  readonly address: string;
  readonly port?: number | null;
}

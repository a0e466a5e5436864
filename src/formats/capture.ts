/** A packet as a capture holds it. */
export interface CapturedFrame {
  readonly kind: 'frame';
  /** From 1, as other tools count. */
  readonly number: number;
  /** Since 1970-01-01T00:00:00Z; null where the capture has no time. */
  readonly timestampNanos: bigint | null;
  /** One of the LINKTYPE_ values of the pcap format. */
  readonly linkType: number;
  /** Length on the wire; more than `bytes` when the capture was limited. */
  readonly originalLength: number;
  /** A view on the file. */
  readonly bytes: Uint8Array;
}

/** The file is damaged from here on; what came before stands. */
export interface CaptureFault {
  readonly kind: 'fault';
  /** In the file. */
  readonly offset: number;
  readonly detail: string;
}

export type CaptureItem = CapturedFrame | CaptureFault;

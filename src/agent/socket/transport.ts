import type { EngineInput, EngineOutput } from '../../core/rsvp/engine/types.ts';

export type SendOutput = EngineOutput & { readonly type: 'send' };
export type PacketInput = EngineInput & { readonly type: 'packet' };

/** Carries RSVP messages to and from the network. */
export interface RsvpTransport {
  readonly kind: 'raw' | 'udp' | 'loopback';
  /**
   * A sentence for people where the network refused the message (no route, interface down); null when it went out.
   * @param mark of the packet, by which the kernel finds its way; 0 = none.
   */
  send(message: SendOutput, mark?: number): string | null;
  /** Datagrams that came in but were no packet with an RSVP message, and those the queue had no room for. */
  readonly dropped: { readonly malformed: number; readonly overflow: number };
  /** The host's interfaces are others than before. */
  networkChanged?(): void;
  close(): Promise<void>;
}

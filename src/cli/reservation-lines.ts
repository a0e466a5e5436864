import type { Reservation } from '../client/client.ts';
import { formatRate } from './rate.ts';

type End = Reservation['flow']['destination'];

const endText = (end: End): string =>
  end.port == null ? end.address : `${end.address.includes(':') ? `[${end.address}]` : end.address}:${end.port}`;

/** `udp 10.1.0.2:5004, 10.3.0.2:5004 to 10.2.0.2:5004` */
export const flowText = ({ flow: { protocol, source, sources, destination } }: Reservation): string =>
  `${protocol} ${(sources ?? (source ? [source] : [])).map(endText).join(', ')} to ${endText(destination)}`;

/** A reservation for people, a fact a line. */
export function reservationLines(r: Reservation): string[] {
  const lines = [
    `${r.id ?? 'would be booked'}  ${r.state}${r.stateReason ? ` (${r.stateReason})` : ''}${r.endReason ? `, ${r.endReason}` : ''}`,
    `  flow     ${flowText(r)}${r.signaling.style === 'fixedFilter' ? '' : `, ${r.signaling.style}`}`,
    `  qos      ${r.qos.serviceType} ${formatRate(r.qos.tokenRateBitsPerSecond)}`,
    `  window   ${r.window.start} to ${r.window.end ?? 'release'}`,
  ];
  for (const [i, path] of r.paths.entries()) {
    const source = r.flow.sources?.[i];
    if (source) lines.push(`  from     ${endText(source)}`);
    const bound = path.delayBoundMicros == null ? '' : `, delay at most ${path.delayBoundMicros / 1000} ms`;
    lines.push(
      `  booked   ${formatRate(path.bookedBitsPerSecond)} with link overhead${bound}, enforcement ${path.enforcement}`,
    );
    lines.push(`  path     ${path.hops.map((hop) => hop.link).join(' ')} (${path.pinning})`);
    if (path.nonRsvpHop) lines.push('  wire     PATH passes a hop that does not speak RSVP: nothing is reserved there');
    if (path.adspecDeviation != null) lines.push(`  wire     ${path.adspecDeviation}`);
    if (path.deviation != null) lines.push(`  wire     ${path.deviation}`);
  }
  if (r.change) {
    const { requested, state, reasons } = r.change;
    lines.push(`  change   ${state}: ${requested.qos.serviceType} ${formatRate(requested.qos.tokenRateBitsPerSecond)}`);
    lines.push(...reasons.map(({ detail }) => `           ${detail}`));
  }
  if (r.failure) lines.push(`  failure  ${r.failure.errorNode}: ${r.failure.detail}`);
  return lines;
}

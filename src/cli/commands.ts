import type { Command } from 'commander';
import { registerReservation } from './reservation.ts';
import { registerReserve } from './reserve.ts';
import { registerRsvpDecode } from './rsvp-decode.ts';
import { registerRsvpReplay } from './rsvp-replay.ts';
import { registerRsvpShow } from './rsvp-show.ts';
import { registerRsvpTrace } from './rsvp-trace.ts';
import { registerTopology } from './topology.ts';

/** Every noun of the command line that is a caller like any other. */
export function registerCommands(program: Command): void {
  registerReserve(program);
  registerReservation(program);
  registerTopology(program);
  const rsvp = program.command('rsvp').description('the protocol on the wire and in an agent');
  registerRsvpDecode(rsvp);
  registerRsvpTrace(rsvp);
  registerRsvpReplay(rsvp);
  registerRsvpShow(rsvp);
}

import { TopologyService } from '../../gen/headroom/v1/topology_pb.ts';
import type { FieldProblem } from '../../core/qos/request.ts';
import { int64 } from '../../rpc/numbers.ts';
import { timestamp, timeText } from '../../rpc/time.ts';
import { linkInit, topologyInput, topologyMessage } from '../../rpc/topology.ts';
import { bareEtag, quotedEtag } from '../control/etag.ts';
import { badRequest } from '../control/bad-request.ts';
import type { ExtraService, GrpcSettings } from './context.ts';
import { publicService } from './public-service.ts';

export const MAX_TOPOLOGY_BYTES = 64 * 1024 * 1024;

export function topologyService(settings: GrpcSettings): ExtraService {
  const { control } = settings;
  return publicService(
    TopologyService,
    {
      async getTopology() {
        const { topology, etag } = await control.getTopology();
        return topologyMessage(topology, bareEtag(etag));
      },

      async putTopology(request) {
        const document = topologyInput(request.nodes, request.links);
        if (!document.ok) throw badRequest(document.error);
        const outcome = await control.putTopology(document.value, {
          ifMatch: request.etag === '' ? null : quotedEtag(request.etag, 'etag'),
          force: request.force,
          validateOnly: request.validateOnly,
        });
        const { nodesAdded, nodesChanged, nodesRemoved, linksAdded, linksChanged, linksRemoved } = outcome.changes;
        return {
          topology: topologyMessage(outcome.topology, bareEtag(outcome.etag)),
          changes: {
            nodesAdded: [...nodesAdded],
            nodesChanged: [...nodesChanged],
            nodesRemoved: [...nodesRemoved],
            linksAdded: [...linksAdded],
            linksChanged: [...linksChanged],
            linksRemoved: [...linksRemoved],
          },
        };
      },

      async getLink(request) {
        const problems: FieldProblem[] = [];
        const text = (field: 'at' | 'from' | 'to'): string | null =>
          request[field] ? timeText(field, request[field], problems) : null;
        const when = { at: text('at'), from: text('from'), to: text('to') };
        if (problems.length > 0) throw badRequest(problems);
        const link = await control.getLink(request.id, when);
        return {
          link: linkInit(link),
          reservableBitsPerSecond: int64(link.reservableBitsPerSecond),
          bookedBitsPerSecond: int64(link.bookedBitsPerSecond),
          calendar: (link.calendar ?? []).map(({ start, end, bitsPerSecond }) => ({
            start: timestamp(start),
            ...(end === null ? {} : { end: timestamp(end) }),
            bookedBitsPerSecond: int64(bitsPerSecond),
            availableBitsPerSecond: int64(Math.max(0, link.reservableBitsPerSecond - bitsPerSecond)),
          })),
        };
      },
    },
    {},
    settings,
    { putTopology: MAX_TOPOLOGY_BYTES },
  );
}

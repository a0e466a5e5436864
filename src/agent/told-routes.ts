import type { Route } from '../core/network/topology.ts';
import type { AgentRoute } from '../gen/headroom/v1/agent_channel_pb.ts';
import { routeMessages } from './host-report.ts';

/** What a stream has told its server of the host's routes, so that only differences follow. */
export class ToldRoutes {
  #told = new Map<string, Route>();
  #count = 0;

  /** How many routes were told of in all. */
  get count(): number {
    return this.#count;
  }

  /** Everything, for the first message of a stream. */
  all(routes: readonly Route[]): AgentRoute[] {
    this.#told = byText(routes);
    this.#count += routes.length;
    return routeMessages(routes);
  }

  /** What is new and what is gone since; null: nothing. */
  difference(routes: readonly Route[]): { readonly added: AgentRoute[]; readonly removed: AgentRoute[] } | null {
    const now = byText(routes);
    const added = [...now].filter(([text]) => !this.#told.has(text)).map(([, route]) => route);
    const removed = [...this.#told].filter(([text]) => !now.has(text)).map(([, route]) => route);
    this.#told = now;
    this.#count += added.length + removed.length;
    if (added.length + removed.length === 0) return null;
    return { added: routeMessages(added), removed: routeMessages(removed) };
  }
}

const byText = (routes: readonly Route[]): Map<string, Route> =>
  new Map(routes.map((route) => [JSON.stringify(route), route]));

import type { EpochMs } from '../../core/base/units.ts';
import type { NodeName } from '../../core/network/topology.ts';
import type { Books } from './committer.ts';
import { ControlError } from './errors.ts';

/** What enrolment needs of whoever decides on agents' certificates. */
export interface AgentEnrolment {
  /** HOST:PORT that agents are told to connect to. */
  readonly advertised: string;
  issueToken(
    node: NodeName,
  ): Promise<{ readonly token: string; readonly expiresAt: EpochMs; readonly authorityFingerprint: string }>;
  /** @returns how many certificates the node had. */
  revoke(node: NodeName): Promise<number>;
}

/** A one-time token for a node's agent, and where that connects. */
export interface EnrolledAgent {
  readonly node: NodeName;
  readonly token: string;
  readonly expiresAt: EpochMs;
  /** HOST:PORT */
  readonly server: string;
  /** SHA-256 of the authority's certificate, hexadecimal; the token carries it. */
  readonly authorityFingerprint: string;
}

/** @throws ControlError NOT_FOUND, or INCOMPATIBLE_STATE where this server listens for no agents of other hosts. */
export async function enrolAgent(
  books: Books,
  enrolment: AgentEnrolment | null,
  node: NodeName,
): Promise<EnrolledAgent> {
  const agents = listening(books, enrolment, node);
  return { node, server: agents.advertised, ...(await agents.issueToken(node)) };
}

/** Ends all certificates of the node and its unused tokens; its stream ends within a second on every server. @throws as above */
export async function revokeAgent(
  books: Books,
  enrolment: AgentEnrolment | null,
  node: NodeName,
): Promise<{ readonly certificates: number }> {
  return { certificates: await listening(books, enrolment, node).revoke(node) };
}

function listening(books: Books, enrolment: AgentEnrolment | null, node: NodeName): AgentEnrolment {
  if (!books.topology().graph.nodeIndex.has(node)) throw new ControlError('NOT_FOUND', `no node is called "${node}"`);
  if (enrolment) return enrolment;
  throw new ControlError(
    'INCOMPATIBLE_STATE',
    'This server does not listen for agents on other hosts: set HEADROOM_AGENTS (and HEADROOM_SECRET) and start it again',
  );
}

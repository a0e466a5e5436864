/** URIs in the certificates of both ends of the agents' channel: no agent can pose as a server, nor as another node. */
export const SERVER_URI = 'urn:headroom:server';
export const nodeUri = (node: string): string => `urn:headroom:node:${node}`;

/** Object identifiers of RFC 5280 4.2.1.12. */
export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

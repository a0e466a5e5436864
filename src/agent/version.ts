/** Of this package: what an agent says of itself. */
export const AGENT_VERSION = '0.1.0';

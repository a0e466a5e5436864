import type { Socket } from 'node:net';
import { ControlError } from '../control/errors.ts';
import { badField, problemBody, PROBLEM_TYPE } from './problem.ts';

/** Answers bytes that are no HTTP request, which no route sees, with a problem like any other; then closes. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemBody(refusalOf(error), '');
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${String(problem['status'])} Refused\r\n` +
      `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function refusalOf(error: NodeJS.ErrnoException): ControlError {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new ControlError('PAYLOAD_TOO_LARGE', 'The request line and headers are larger than is read');
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return badField('request', undefined, 'did not arrive whole in time');
  }
  // The parser's sentence names the part; `rawPacket` holds the bytes, which are no text that could be shown.
  return badField('request', error.code, `is not HTTP: ${error.message}`);
}

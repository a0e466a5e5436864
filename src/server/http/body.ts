import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseJson } from '../../formats/json.ts';
import { syntaxProblemText } from '../../formats/syntax-problem.ts';
import { ControlError } from '../control/errors.ts';
import { badField } from './problem.ts';

/** JSON is the only body that is read, except where a route says otherwise. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  readAsJson(app, 'application/json');
}

/** JSON under another name, too. */
export function readAsJson(app: FastifyInstance, type: string): void {
  app.addContentTypeParser<Buffer>(type, { parseAs: 'buffer' }, (request, bytes, done) => {
    try {
      done(null, readJson(request, bytes));
    } catch (error) {
      done(error as Error, undefined);
    }
  });
}

/** Nothing is decompressed: a small body could become a large one. */
export function refuseEncodedBodies(app: FastifyInstance): void {
  app.addHook('preParsing', (request, _reply, payload, done) => {
    const encoding = request.headers['content-encoding'];
    if (encoding === undefined || encoding.toLowerCase() === 'identity') done(null, payload);
    else
      done(new ControlError('UNSUPPORTED_MEDIA_TYPE', `Content-Encoding ${encoding} is not read; send the body plain`));
  });
}

/** @throws ControlError INVALID_ARGUMENT; keys given twice count as broken: one of the two would be ignored. */
function readJson(request: FastifyRequest, bytes: Buffer): unknown {
  const text = readText(bytes);
  // No call of this method has a body, but many clients send the header with every request.
  if (request.method === 'DELETE') {
    if (text === '') return undefined;
    throw badField('body', text, 'must be empty');
  }
  if (text === '') throw badField('body', text, 'is empty');
  const json = parseJson(text);
  if (json.ok) return json.value;
  throw badField('body', text.slice(0, 60), `is not JSON that can be taken: ${syntaxProblemText(json.error)}`);
}

/** @throws ControlError INVALID_ARGUMENT for what is not UTF-8: read loosely, names would be stored with other letters. */
export function readText(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw badField('body', `${bytes.length} bytes`, 'is not UTF-8');
  }
}

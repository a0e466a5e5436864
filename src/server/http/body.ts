import type { FastifyInstance } from 'fastify';
import { badField } from './problem.ts';

/** JSON is the only body that is read, except where a route says otherwise. */
export function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') {
      // Many clients send the header with every request, also with those that have nothing to say.
      if (request.method === 'DELETE') done(null, undefined);
      else done(badField('body', '', 'is empty'), undefined);
      return;
    }
    void parse(request, body, (error, value) => {
      if (error)
        done(badField('body', body.slice(0, 60), `is not JSON that can be taken: ${error.message}`), undefined);
      else done(null, value);
    });
  });
}

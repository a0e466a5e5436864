/** One block of a `text/event-stream`. */
export interface ServerSentEvent {
  /** The last id seen, also by blocks that have none; '' = none yet. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** Blocks longer than this end the stream with an error: no event of a server is that long. */
const MAX_BLOCK = 16 * 1024 * 1024;

/** Reads a stream as the HTML standard defines it (9.2.6); comments are skipped. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let pending = '';
  let id = '';
  let event = '';
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      pending += decoder.decode(value, { stream: true });
      if (pending.length > MAX_BLOCK) throw new RangeError('an event is too long');
      // A carriage return at the end may be the first half of a line break.
      const end = pending.endsWith('\r') ? pending.length - 1 : pending.length;
      const lines = pending.slice(0, end).split(/\r\n|\n|\r/);
      pending = (lines.pop() ?? '') + pending.slice(end);
      for (const line of lines) {
        if (line === '') {
          if (data.length > 0) yield { id, event: event || 'message', data: data.join('\n') };
          event = '';
          data = [];
          continue;
        }
        const colon = line.indexOf(':');
        const field = colon < 0 ? line : line.slice(0, colon);
        const text = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (field === 'id') id = text;
        else if (field === 'event') event = text;
        else if (field === 'data') data.push(text);
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

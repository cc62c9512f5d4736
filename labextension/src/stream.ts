/** One server-sent event. */
export interface IServerEvent {
  id: string | null;
  type: string;
  data: string;
}

/**
 * Reads server-sent events (WHATWG HTML 9.2.6) from pieces of text.
 * `retry` fields are ignored: the back-off is ours.
 */
export class EventParser {
  /** @param lastEventId Id of the last event of the connection before this one. */
  constructor(public lastEventId: string | null = null) {}

  push(text: string): IServerEvent[] {
    const events: IServerEvent[] = [];
    const whole = this._rest + text;
    // A lone CR at the end may be the first half of CR LF: it waits.
    const end = whole.endsWith('\r') ? whole.length - 1 : whole.length;
    const lines = whole.slice(0, end).split(/\r\n|\n|\r/);
    this._rest = (lines.pop() ?? '') + whole.slice(end);
    for (const line of lines) {
      if (line === '') {
        if (this._data.length > 0) {
          events.push({
            id: this.lastEventId,
            type: this._type || 'message',
            data: this._data.join('\n')
          });
        }
        this._data = [];
        this._type = '';
        continue;
      }
      this._field(line);
    }
    return events;
  }

  private _field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) {
      return;
    }
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    switch (name) {
      case 'event':
        this._type = value;
        break;
      case 'data':
        this._data.push(value);
        break;
      case 'id':
        this.lastEventId = value;
        break;
    }
  }

  private _rest = '';
  private _data: string[] = [];
  private _type = '';
}

/** No byte came for two heartbeats: something between buffers the stream, or the line is dead. */
export class SilentStreamError extends Error {
  constructor() {
    super('The event stream fell silent.');
    this.name = 'SilentStreamError';
  }
}

/** Two heartbeats of the daemon, in milliseconds. */
export const SILENCE_MS = 25_000;

/**
 * Hands every event of a stream on, in order, until it ends. Rejects with `SilentStreamError` when no
 * byte comes for `silenceMs`.
 */
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  parser: EventParser,
  onEvent: (event: IServerEvent) => void,
  silenceMs = SILENCE_MS
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const chunk = await withDeadline(reader.read(), silenceMs);
      if (chunk.done) {
        return;
      }
      for (const event of parser.push(
        decoder.decode(chunk.value, { stream: true })
      )) {
        onEvent(event);
      }
    }
  } finally {
    // The stream may already be broken: closing it again cannot fail in a way that matters.
    reader.cancel().catch(() => undefined);
  }
}

function withDeadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new SilentStreamError()), ms);
    promise.then(
      value => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    );
  });
}

/** Milliseconds before try number `attempt` (from 0): 0.5, 1, 2, 4, 8, 15 s, with a fifth of jitter. */
export function backOff(
  attempt: number,
  random: () => number = Math.random
): number {
  const base = Math.min(15_000, 500 * 2 ** attempt);
  return Math.round(base * (0.9 + 0.2 * random()));
}

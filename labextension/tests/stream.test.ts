import { describe, expect, it } from 'vitest';

import {
  backOff,
  EventParser,
  readEvents,
  SilentStreamError,
  type IServerEvent
} from '../src/stream';

describe('the event parser', () => {
  it('reads type, data and id', () => {
    const events = new EventParser().push(
      'id: 7-1\nevent: job\ndata: {"a":1}\n\n'
    );
    expect(events).toEqual([{ id: '7-1', type: 'job', data: '{"a":1}' }]);
  });

  it('finds the same events wherever the bytes are cut', () => {
    const text =
      ': hello\r\n\r\nid: 1\r\nevent: log\r\ndata: a\r\ndata: b\r\n\r\ndata:c\n\n';
    const whole = new EventParser().push(text);
    expect(whole).toEqual([
      { id: '1', type: 'log', data: 'a\nb' },
      { id: '1', type: 'message', data: 'c' }
    ]);
    for (let cut = 0; cut <= text.length; cut += 1) {
      const parser = new EventParser();
      expect([
        ...parser.push(text.slice(0, cut)),
        ...parser.push(text.slice(cut))
      ]).toEqual(whole);
    }
  });

  it('gives no event for comments, nor for fields without data', () => {
    expect(
      new EventParser().push(': beat\n\nevent: job\n\nretry: 5\n\n')
    ).toEqual([]);
  });

  it('starts with the id of the connection before', () => {
    const parser = new EventParser('3-9');
    expect(parser.push('data: x\n\n')[0]?.id).toBe('3-9');
  });
});

function streamOf(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      chunks.forEach(chunk => controller.enqueue(chunk));
      controller.close();
    }
  });
}

describe('reading a stream', () => {
  it('hands on every event until the end, though a character is cut in two', async () => {
    const bytes = new TextEncoder().encode('data: モデル\n\n');
    const seen: IServerEvent[] = [];
    const body = streamOf(bytes.slice(0, 8), bytes.slice(8));
    await readEvents(body, new EventParser(), event => seen.push(event));
    expect(seen.map(event => event.data)).toEqual(['モデル']);
  });

  it('gives up on a stream that is silent for two heartbeats, and closes it', async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      cancel: () => void (cancelled = true)
    });
    const reading = readEvents(body, new EventParser(), () => undefined, 20);
    await expect(reading).rejects.toBeInstanceOf(SilentStreamError);
    expect(cancelled).toBe(true);
  });
});

it('waits longer from try to try, up to a limit', () => {
  const waits = [0, 1, 2, 3, 4, 5, 9].map(attempt =>
    backOff(attempt, () => 0.5)
  );
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
});

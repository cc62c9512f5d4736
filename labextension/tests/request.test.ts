import { describe, expect, it } from 'vitest';

import { AnswerError, failure, ProblemError } from '../src/request';
import { aProblem } from './fixtures';

function answer(
  status: number,
  body: object,
  type = 'application/json'
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': type }
  });
}

describe('an answer that is not 2xx', () => {
  it('is the problem that it tells', async () => {
    const error = await failure(
      answer(507, aProblem('disk_full'), 'application/problem+json')
    );
    expect(error).toBeInstanceOf(ProblemError);
    expect((error as ProblemError).problem.code).toBe('disk_full');
  });

  it.each([
    [404, 'absent'],
    [401, 'signed-out'],
    [403, 'signed-out'],
    [500, 'unreachable'],
    [504, 'unreachable']
  ])('of %i without a problem means %s', async (status, why) => {
    const error = await failure(answer(status, { message: 'no' }));
    expect(error).toBeInstanceOf(AnswerError);
    expect((error as AnswerError).why).toBe(why);
  });
});

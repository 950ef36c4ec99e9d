import { type ErrorParts, firstLineOf, ProtomemError, show } from '@protomem/core';

/** An error for the client, with its status. */
export function refusal(status: number, parts: ErrorParts): ProtomemError & { readonly statusCode: number } {
  return Object.assign(new ProtomemError(parts), { statusCode: status });
}

/** An error about what a client sent: with 400, unless it has a status. */
export const askedFor = (error: unknown): unknown =>
  error instanceof ProtomemError && !('statusCode' in error) ? Object.assign(error, { statusCode: 400 }) : error;

/** Operations of a gallery, by which errors about their arguments are named: what else fails there is not the client's fault. */
const operations = ['enrol', 'identify', 'verify'];

/** What a framework's errors say, by status: what was expected. */
const expectations: Readonly<Record<number, string>> = {
  400: 'a request as /docs tells',
  408: 'a request within the time-out',
  413: 'a body within the limit',
  415: 'image/jpeg, image/png, another image/*, application/octet-stream, or application/json with a "photo"',
  431: 'a shorter path, and fewer headers',
  503: 'a server that is not stopping',
};

/** Status and body of any error: fields of a ProtomemError that is for the client, never a stack, nor a path of the server's. */
export function answerTo(error: unknown) {
  const { statusCode, code } = error as { statusCode?: number; code?: string };
  if (error instanceof ProtomemError && (statusCode !== undefined || operations.includes(error.parts.where))) {
    const { where, what, got, expected, fix } = error.parts;
    return { status: statusCode ?? 400, body: bodyOf({ where, what, got: show(got), expected, fix }, error.message) };
  }
  const status = statusCode !== undefined && statusCode >= 400 && statusCode < 600 ? statusCode : 500;
  const known = status < 500 || code?.startsWith('FST_');
  const parts = known
    ? { what: 'the request', got: firstLineOf(error), expected: expectations[status] ?? 'a request as /docs tells' }
    : { what: 'the server', got: 'failed', expected: 'to answer', fix: 'Its own output says why.' };
  const own = new ProtomemError({ where: 'serve', ...parts });
  return { status, body: bodyOf({ where: 'serve', ...parts }, own.message), unexpected: !known };
}

function bodyOf(parts: ErrorParts, message: string) {
  return { error: { ...parts, message } };
}

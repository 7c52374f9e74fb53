import { PothosValidationError } from '@pothos/core';
import { GraphQLError } from 'graphql';
import type { Refused } from '../domain/outcome.ts';

/** An error that clients may match on: a stable code, and a sentence that says what to do. */
export function coded(
  code: string,
  message: string,
  options: { readonly status?: number; readonly path?: readonly string[] } = {},
): GraphQLError {
  return new GraphQLError(message, {
    extensions: {
      code,
      ...(options.path === undefined ? {} : { inputPath: options.path }),
      ...(options.status === undefined ? {} : { http: { status: options.status } }),
    },
  });
}

export function codedRefusal(refusal: Refused<string>): GraphQLError {
  const { code, message, path } = refusal;
  return coded(code, message, path === undefined ? {} : { path });
}

const internal =
  'Something broke on our side and was logged. Nothing was changed; try again in a moment.';

/** The types that an argument takes, when Pothos found the id of another: it gives no code. */
function wantedTypes(error: Error | undefined): string | null {
  if (!(error instanceof PothosValidationError)) return null;
  return /^ID: .* is not of type: (\w+(?:, \w+)*)$/.exec(error.message)?.[1] ?? null;
}

/** The code under which a thrown error leaves the process; null: it is a bug. */
export function codeOfThrown(error: unknown): string | null {
  if (!(error instanceof GraphQLError)) return null;
  if (wantedTypes(error) !== null) return 'ID_OF_OTHER_TYPE';
  const { code } = error.extensions;
  return typeof code === 'string' && code !== 'BAD_USER_INPUT' ? code : 'REQUEST_INVALID';
}

/**
 * What leaves the process: coded errors as they are, the parser's and the validator's under one
 * code, and a bug without its details.
 */
export function maskError(error: unknown, onBug: (bug: unknown) => void): GraphQLError {
  if (!(error instanceof GraphQLError)) {
    onBug(error);
    return coded('INTERNAL_ERROR', internal, { status: 500 });
  }
  const { originalError, extensions, message } = error;
  const { nodes = null, source = null, positions = null, path = null } = error;
  const place = { nodes, source, positions, path };
  if (originalError !== undefined && !(originalError instanceof GraphQLError)) {
    onBug(originalError);
    const masked = { code: 'INTERNAL_ERROR' };
    return new GraphQLError(internal, { ...place, extensions: masked });
  }
  const wanted = wantedTypes(originalError);
  if (wanted !== null) {
    const text = `This is the id of something else. Send one of type ${wanted}, as received.`;
    return new GraphQLError(text, { ...place, extensions: { code: 'ID_OF_OTHER_TYPE' } });
  }
  const code = originalError?.extensions['code'] ?? extensions['code'];
  if (typeof code === 'string' && code !== 'BAD_USER_INPUT') return error;
  const known = { ...extensions, code: 'REQUEST_INVALID' };
  return new GraphQLError(message, { ...place, extensions: known });
}

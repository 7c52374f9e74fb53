import type { OfficeDeps } from '../operations/office/enterReadings.ts';
import type { ApiDeps } from './context.ts';
import { userErrorOf } from './userError.ts';
import type { UserErrorValue } from './userError.ts';

/** What an operation of the office is given, or why there is none in this process. */
export function officeDepsOf(deps: ApiDeps): OfficeDeps | UserErrorValue {
  const { office } = deps;
  if (office !== undefined) return { ...deps, office };
  return userErrorOf({
    ok: false,
    code: 'OFFICE_UNAVAILABLE',
    message:
      'This server has no key of the offices, so it enters no readings. Start it with ' +
      'JOULEBOOK_OFFICE_KEY.',
  });
}

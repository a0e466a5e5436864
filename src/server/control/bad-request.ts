import type { FieldProblem } from '../../core/qos/request.ts';
import { ControlError } from './errors.ts';

/** A call whose fields do not hold together: all of them at once, the first ones in words. */
export function badRequest(fields: readonly FieldProblem[]): ControlError {
  const code = fields.every((field) => field.code === 'OUT_OF_RANGE') ? 'OUT_OF_RANGE' : 'INVALID_ARGUMENT';
  const shown = fields.slice(0, 5).map(({ field, problem }) => (field === '' ? problem : `${field} ${problem}`));
  const more = fields.length > shown.length ? `; ${fields.length - shown.length} more` : '';
  return new ControlError(code, shown.join('; ') + more, { fields });
}

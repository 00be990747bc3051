/** Whether a `data` message goes with the columns that are known. */

const PLACE = /^\d{1,9}$/;

/**
 * @param {{values?: ArrayLike<any>, changed?: Record<string, any>, columns?: ArrayLike<number>|null}} data columns: those of
 *   `values`, in ascending order, where these are not all
 * @param {number} width how many columns there are
 */
export function fits({ values, changed, columns }, width) {
  if (columns) return columns.length === 0 || columns[columns.length - 1] < width;
  if (values) return values.length === width;
  return Object.keys(changed ?? {}).every((column) => PLACE.test(column) && Number(column) < width);
}

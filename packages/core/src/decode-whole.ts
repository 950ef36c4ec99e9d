/** What a decoder may take for an error: see `failOn` of sharp. */
type FailOn = 'truncated' | 'warning';

/** libjpeg's words where an image's data end, by a marker, before the image does: the rest would be grey. */
const CUT = 'premature end of data segment';
const TRIES = 5;

/**
 * Decodes an image with sharp, whole or not at all. Data that end early are an error to sharp only where the file ends
 * there; where the marker of the end follows, as in a file that was cut and closed again, they are a warning among
 * harmless ones.
 *
 * @param decode is called with what is to be taken for an error.
 * @throws what `decode` rejects with.
 */
export async function decodeWhole<T>(decode: (failOn: FailOn) => Promise<T>): Promise<T> {
  // libvips keeps one list of errors for all threads: another decoding may have taken this one's words away, or left its own.
  const attempt = async (failOn: FailOn): Promise<{ readonly value: T } | { readonly error: unknown }> => {
    for (let tries = 1; ; tries++) {
      try {
        return { value: await decode(failOn) };
      } catch (error) {
        if (tries === TRIES || firstLineOf(error) !== 'Unknown error') return { error };
      }
    }
  };
  const isCut = (outcome: object): boolean => 'error' in outcome && String(outcome.error).includes(CUT);
  const first = await attempt('warning');
  if ('value' in first) return first.value;
  if (isCut(first) && isCut(await attempt('warning'))) throw first.error;
  const lenient = await attempt('truncated');
  if ('value' in lenient) return lenient.value;
  throw lenient.error;
}

/** The first line of an error, without its name. */
export function firstLineOf(error: unknown): string {
  return String(error instanceof Error ? error.message : error)
    .split('\n')[0]!
    .trim();
}

import { type Option, type OptionsOf, option } from '@protomem/core';

const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);

/** One number, or one a channel. */
function perChannel(help: string, noun: string, accepts: (value: number) => boolean, absent: string) {
  const fits = (value: unknown): boolean => isNumber(value) && accepts(value as number);
  const made: Option<number | readonly number[], 'absent'> = {
    help,
    expected: `${noun}, or three of them with commas between`,
    accepts: (value) => fits(value) || (Array.isArray(value) && value.length === 3 && value.every(fits)),
    absent,
    configurable: true,
  };
  return made;
}

/** How a foreign model wants its images, and which of its outputs is the embedding. Our own encoders know it themselves. */
export const modelOptions = {
  mean: perChannel(
    'Third-party models get (pixel - mean) / scale; three numbers in the order in which the model takes its channels.',
    'a number',
    () => true,
    '127.5, or 0 where the model normalises pixels itself',
  ),
  scale: perChannel(
    'What third-party models get divided by, once the mean is taken off: one number, or three in the same order.',
    'a number > 0',
    (value) => value > 0,
    '127.5, or 1 where the model normalises pixels itself',
  ),
  bgr: option.flag({ help: 'Third-party models get blue, green, red, as OpenCV reads images.', default: false }),
  inputSize: option.integer({
    help: 'Side of the images, pixels, for a foreign model that takes any.',
    min: 1,
    max: 4096,
    absent: 'as the model says',
  }),
  output: option.text({
    help: 'The output of a foreign model that is the embedding.',
    absent: 'the only one that is [images, width]',
  }),
};

export type ModelOptions = OptionsOf<typeof modelOptions>;

import { option } from '@protomem/core';
import { encodeOptions } from './encode-options.ts';

/** Options of `exportEncoder`. */
export const exportOptions = {
  ...encodeOptions,
  faces: option.text({
    help: 'Aligned faces, a data set of any format, on which the written model is compared with the encoder, and int8 calibrated.',
    absent: 'synthetic faces',
  }),
  images: option.integer({ help: 'How many faces to compare on.', min: 1, max: 100_000, default: 16 }),
  calibration: option.integer({
    help: 'For int8: how many faces to calibrate on, those behind the ones to compare on.',
    ...{ min: 1, max: 100_000, default: 256 },
  }),
};

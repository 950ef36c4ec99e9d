import { option, type Settings } from '@protomem/core';

/** @internal */
export const decodeOptions = {
  height: option.integer({ help: 'Rows of the result, pixels.', min: 1 }),
  width: option.integer({ help: 'Columns of the result, pixels.', min: 1 }),
  name: option.text({ help: 'Names the image in errors.', default: 'image' }),
  /**
   * Slower; for evaluation, where rounding moves an accuracy by a pair or two. sharp's JPEG decoder is libjpeg-turbo: the
   * pixels that other tools see too.
   */
  exact: option.flag({ help: 'Always by sharp.', default: false }),
  /** 0 for no limit. */
  maxPixels: option.integer({
    help: 'Images with more pixels are refused before they are unpacked.',
    min: 0,
    default: 1e8,
  }),
};

/** @internal Decodes an image, by options that are checked already. */
export type Decode = (bytes: Uint8Array, options: Settings<typeof decodeOptions>) => Promise<Uint8Array>;

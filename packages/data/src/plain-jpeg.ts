/**
 * Is this a JPEG file that needs nothing but decoding to become RGB of a given size: three components in YCbCr, 8 bits,
 * upright, in sRGB (no colour profile), in one sequential scan, and with its end in place? Reads the header's segments, nothing else, and says no to whatever it does not know.
 *
 * Source: ITU-T T.81, annex B; APP14 as in Adobe's Technical Note 5116.
 */
export function isPlainJpeg(bytes: Uint8Array, { height, width }: { height: number; width: number }): boolean {
  const word = (at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
  if (bytes.length < 4 || word(0) !== 0xffd8 || word(bytes.length - 2) !== 0xffd9) return false;
  let framed = false;
  for (let at = 2; at + 20 < bytes.length; at += 2 + word(at + 2)) {
    const marker = word(at);
    switch (marker) {
      case 0xffda: // Start of scan: the header is over.
        return framed && bytes[at + 4] === 3;
      case 0xffc0: // Baseline and extended frames; Huffman-coded.
      case 0xffc1: {
        const components = [bytes[at + 10], bytes[at + 13], bytes[at + 16]];
        const sampling = [bytes[at + 11]!, bytes[at + 14]!, bytes[at + 17]!].flatMap((each) => [each >> 4, each & 15]);
        framed = bytes[at + 4] === 8 && word(at + 5) === height && word(at + 7) === width && bytes[at + 9] === 3;
        // Others are no factors, and of 0 alone there would be no end of the scan.
        if (!framed || components.join() !== '1,2,3' || sampling.some((each) => each < 1 || each > 4)) return false;
        break;
      }
      case 0xffe1: // Exif may tell to turn the image.
      case 0xffe2: // A colour profile.
        if (text(bytes, at + 4, 4) === 'Exif' || text(bytes, at + 4, 4) === 'ICC_') return false;
        break;
      case 0xffee: // Adobe's: the colours may be something else than YCbCr, which is 1.
        if (text(bytes, at + 4, 5) === 'Adobe' && bytes[at + 15] !== 1) return false;
        break;
      case 0xffc4: // Huffman tables.
      case 0xffdb: // Quantization tables.
      case 0xffdd: // Restart interval.
      case 0xfffe: // Comment.
        break;
      default:
        if (marker < 0xffe0 || marker > 0xffef) return false;
    }
  }
  return false;
}

function text(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

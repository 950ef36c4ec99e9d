import { writeFileAtomic } from '@protomem/core/node';
import { savePlots } from '@protomem/report';

/**
 * Writes a page, and each of its charts as SVG and PNG into a folder beside it.
 *
 * @returns the folder, and the names of the charts.
 */
export async function writePage(
  out: string,
  page: string,
): Promise<{ readonly plots: string; readonly names: string[] }> {
  await writeFileAtomic(out, page);
  const plots = `${out.replace(/\.html$/, '')}-plots`;
  return { plots, names: await savePlots(page, plots) };
}

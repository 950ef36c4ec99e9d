import type { Html } from './html.ts';
import { figure, grid, legend, section } from './parts.ts';
import type { ReportData } from './report-data.ts';
import { accuracyCurves, stepCurves } from './training-charts.ts';

/** Loss, learning rate, accuracy and speed over the steps. */
export async function trainingSection({ heads }: Pick<ReportData, 'heads'>): Promise<Html | undefined> {
  const [rates, waits] = await Promise.all([
    stepCurves(heads, 'learningRate', { label: 'Learning rate', format: '~g', place: 'lower' }),
    stepCurves(heads, 'dataWait', { label: 'Share of time spent waiting for data', format: '~%', place: 'lower' }),
  ]);
  const charts = grid(
    figure(
      'Loss',
      'Mean of neighbouring steps; the band is their range.',
      await stepCurves(heads, 'loss', { label: 'Loss', format: '~g', place: rates ? 'upper' : 'alone' }),
      rates,
    ),
    figure('Accuracy', 'Verification while training; lines are standard errors.', await accuracyCurves(heads)),
    figure(
      'Throughput',
      'Images per second, waiting included.',
      await stepCurves(heads, 'imagesPerSecond', {
        label: 'Images per second',
        format: '~s',
        place: waits ? 'upper' : 'alone',
      }),
      waits,
    ),
  );
  return charts && section('training', 'Training', '', legend(heads), charts);
}

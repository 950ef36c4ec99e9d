export {
  type EvaluationFacts,
  identificationPage,
  megaFacePage,
  pairPage,
  retrievalPage,
} from './evaluation-report.ts';
export { percent } from './format.ts';
export { renderReport } from './render-report.ts';
export type { ReportData, ReportHead, ReportImage, ReportPair } from './report-data.ts';
export { savePlots } from './save-plots.ts';

export type { EvaluationFacts } from './evaluation-page.ts';
export { percent } from './format.ts';
export { pairPage } from './pair-page.ts';
export { identificationPage, megaFacePage, retrievalPage } from './rank-pages.ts';
export { renderReport } from './render-report.ts';
export type { ReportData, ReportHead, ReportImage, ReportPair } from './report-data.ts';
export { savePage, savePlots } from './save-plots.ts';

export * from './browser.ts';
export type { Agreement } from './check-export.ts';
export { type Exported, type ExportOptions, exportEncoder } from './export-encoder.ts';
export { exportOptions } from './export-options.ts';
export { type Imported, type ImportOptions, importEncoder, importOptions } from './import-encoder.ts';

/** What is used of `WebAssembly`, which TypeScript knows only together with the whole DOM. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: {
    Module: new (bytes: Uint8Array) => object;
    Instance: new (module: object, imports: object) => { readonly exports: unknown };
  };
};

/**
 * Compiles WebAssembly, and makes one instance of it.
 *
 * @param code as base64
 * @typeParam E what it exports; not checked
 * @returns the module, for instances elsewhere, and what this one exports
 */
export function loadWasm<E>(code: string, imports: object = {}): { readonly module: object; readonly exports: E } {
  const module = new WebAssembly.Module(Uint8Array.from(atob(code), (letter) => letter.charCodeAt(0)));
  return { module, exports: new WebAssembly.Instance(module, imports).exports as E };
}

/** Whether a path that a model names leads elsewhere than below the model's folder, on any system. */
export const leavesFolder = (path: string): boolean => /^[/\\]|^\w+:|(^|[/\\])\.\.([/\\]|$)/.test(path);

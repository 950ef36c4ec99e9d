/** Whether an SPDX expression holds: one side of each `OR`, and both of each `AND`, which binds tighter. */
export function isFine(expression: string, allowed: (licence: string) => boolean): boolean {
  const words = expression.split(/([()]|\s(?:AND|OR)\s)/).flatMap((word) => word.trim() || []);
  const sides = (operator: 'AND' | 'OR', side: () => boolean): boolean[] => {
    const found = [side()];
    for (; words[0] === operator; found.push(side())) words.shift();
    return found;
  };
  const any = (): boolean => sides('OR', all).includes(true);
  const all = (): boolean => !sides('AND', one).includes(false);
  const one = (): boolean => {
    const word = words.shift();
    if (word !== '(') return word !== undefined && allowed(word);
    const fine = any();
    return words.shift() === ')' && fine;
  };
  return any() && words.length === 0;
}

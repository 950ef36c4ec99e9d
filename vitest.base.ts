import { defineProject, type UserWorkspaceConfig } from 'vitest/config';

/** Tests see the sources through the `@protomem/source` export condition: nothing has to be built first. */
export function project(name: string, test: UserWorkspaceConfig['test'] = {}): UserWorkspaceConfig {
  const conditions = ['@protomem/source'];
  return defineProject({
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
    test: { name, include: ['src/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 120_000, ...test },
  });
}

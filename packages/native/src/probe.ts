import { lastLine, runCommand } from './run-command.ts';

/** Whether a binding loads, in a process of its own: a library built for another processor ends its process. */
export type Probe = { readonly tensorflow: string } | { readonly reason: string };

const script = 'process.stdout.write("version " + require(process.argv[1]).TF_Version)';

/** Loads a binding in another process and asks for the version of its TensorFlow. */
export async function probeBinding(binding: string): Promise<Probe> {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', NODE_OPTIONS: '' };
  const { code, signal, stdout, stderr } = await runCommand(process.execPath, ['-e', script, binding], { env });
  const [, version] = stdout.split('version ');
  if (code === 0 && version) return { tensorflow: version };
  if (signal === 'SIGILL') return { reason: 'this processor lacks instructions that this TensorFlow uses (AVX)' };
  const error = stderr.split('\n').find((line) => /^\w*Error: /.test(line));
  return { reason: signal ? `ended by ${signal}` : (error ?? lastLine(stderr)) };
}

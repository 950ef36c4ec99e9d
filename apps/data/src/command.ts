/** One thing that `npm run data` does. */
export interface Command {
  /** One line for the list of commands. */
  readonly about: string;
  /** What `--help` prints. */
  readonly help: string;
  /** @param args what follows the command's name; `--help` is met before. */
  run(args: readonly string[]): Promise<void>;
}

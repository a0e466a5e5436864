/** Where and why a text is not what its format asks for. Lines and columns count from 1; both absent when it has no place. */
export interface SyntaxProblem {
  readonly line?: number;
  readonly column?: number;
  readonly problem: string;
}

/** `line 3, column 7: …` */
export const syntaxProblemText = ({ line, column, problem }: SyntaxProblem): string =>
  line === undefined ? problem : `line ${line}${column === undefined ? '' : `, column ${column}`}: ${problem}`;

export const tooLong = (length: number, limit: number): SyntaxProblem => ({
  problem: `the text has ${length} characters, more than the ${limit} that are read`,
});

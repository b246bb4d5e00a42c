/** Names for containers that were given none, docker's way: adjective_surname. */
import { randomInt } from 'node:crypto';

const adjectives =
  'able agile amber ample apt arctic bold brave breezy bright brisk calm candid careful cheery chief civil clear clever cosmic crisp curious daring deft dapper eager early earnest easy elated fair famous fleet fluent fond frank fresh gentle gifted glad golden grand great handy happy hardy hearty honest humble jolly keen kind lively loyal lucid lucky mellow merry mighty modest neat nimble noble patient placid plucky polite prime proud quick quiet rapid ready regal robust rosy sage serene sharp shiny silent sincere smooth snug sober solid spry stable steady stoic sunny swift tender tidy tranquil trusty upbeat valiant vivid warm wise witty zesty'.split(
    ' ',
  );
const surnames =
  'abel agnesi allen ampere babbage backus bardeen bartik bell berners bohr boole bose brahe brattain cantor cerf chandra church codd cray curie darwin davies dijkstra dirac edison einstein engelbart erdos euclid euler faraday fermat fermi feynman floyd franklin galileo gauss germain godel goldberg goodall gosling gray hamilton hamming heisenberg hertz hilbert hoare hopper huygens hypatia jennings joliot kahn kapitsa karp kay kepler kernighan khorana kilby knuth kovalevskaya lamarr lamport leakey lederberg leibniz liskov lovelace maxwell mayer mccarthy meitner mendel metcalfe milner minsky mirzakhani moore morse naur neumann newton nobel noether noyce pascal pasteur pauli payne perlman planck poincare ramanujan ride ritchie rosalind sammet shannon shaw shockley sutherland tesla thompson torvalds turing villani wilkes wing wirth wozniak wu yalow yonath'.split(
    ' ',
  );

/** Tries without a number first; where all tries are taken, a digit makes room (docker does so too). */
const TRIES = 6;

/**
 * Makes up a name that is free.
 * @param taken whether a name is in use
 */
export function generateName(taken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const name = `${pick(adjectives)}_${pick(surnames)}${attempt < TRIES ? '' : randomInt(10 ** (attempt - TRIES + 1))}`;
    if (!taken(name)) return name;
  }
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? '';
}

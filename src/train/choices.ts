/** Choices of kernels (src/gpu/choices.ts) as files of runs hold them. */
import { type Rule, record, text } from '../text/rules.ts';

/** A network has some hundred problems. */
export const MOST_CHOICES = 20_000;

/** A row that no table has is passed over where kernels are chosen, so that its name alone is looked at. */
export const CHOICES: Rule = record(text(64), MOST_CHOICES);

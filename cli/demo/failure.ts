/** What ends the demo, as a sentence for whoever started it: what is wrong, and what to do about it. */
export class DemoFailure extends Error {}
